// Packing: an operand's block copied into the order in which the register tile reads it.
//   b panels: [panel][k][nr], columns past the border are zeros
//   a tiles:  [tile][k][mr], for operands whose rows run along m
// The workspace is one fixed buffer per thread, sized by the block constants: no allocation, and
// the same warm cache lines, call after call.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "engine/cpu/gemm.h"
#include "engine/cpu/gemm_tile.h"

namespace weft::gemm_detail {

/// Block sizes: a b panel of k_block fits half of the first cache, a block the second.
inline constexpr int64_t k_block = 512, m_block = 96, panel_block = 4, max_parts = 16;

/// What rows of index -1 read.
template <class T>
alignas(64) inline constexpr T zero_row[k_block] = {};

template <class T>
struct Workspace {
  static constexpr int64_t a_rows = 2 * m_block + Tile<T>::mr;
  alignas(64) T b[panel_block * k_block * Tile<T>::nr];
  alignas(64) T a[a_rows * k_block];
  const T* a_pointers[a_rows * max_parts];
  T* c_pointers[a_rows];
};

/// It goes with its thread by a pthread key, not by thread_local's destructor: where glibc finds no
/// memory to register one of those, it ends the program.
template <class W>
W* make_workspace() {
  static const pthread_key_t key = [] {
    pthread_key_t made;
    const auto end = [](void* workspace) { delete static_cast<W*>(workspace); };
    if (pthread_key_create(&made, end) != 0) throw std::bad_alloc();
    return made;
  }();
  auto workspace = std::make_unique<W>();
  if (pthread_setspecific(key, workspace.get()) != 0) throw std::bad_alloc();
  return workspace.release();
}

/// This thread's one W.
template <class W>
W& workspace_of() {
  thread_local W* const memory = make_workspace<W>();
  return *memory;
}

/// What a block of C holds before anything is added to it.
template <class T>
void fill_block(const RowOutput<T>& c, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
  for (int64_t m = m0; m < m1; ++m) {
    T* row = c.data + m * c.stride;
    if (c.bias != nullptr)
      std::copy(c.bias + n0, c.bias + n1, row + n0);
    else
      std::fill(row + n0, row + n1, T{0});
  }
}

/// Brings a block of far apart rows into the second cache, a few lines at a time: weights come from
/// memory, and no hardware prefetcher follows them from row to row.
class Prefetcher {
 public:
  Prefetcher() = default;
  Prefetcher(const void* start, int64_t stride, int64_t rows, int64_t row_bytes, int64_t calls)
      : at_(static_cast<const char*>(start)),
        stride_(stride),
        rows_(rows),
        row_bytes_(row_bytes),
        lines_(rows * ((row_bytes + 63) / 64) / calls + 1) {}

  /// One of the announced number of calls.
  void advance() {
    for (int64_t i = 0; i < lines_ && rows_ > 0; ++i) {
      __builtin_prefetch(at_ + byte_, 0, 2);
      byte_ += 64;
      if (byte_ < row_bytes_) continue;
      byte_ = 0;
      at_ += stride_;
      --rows_;
    }
  }

 private:
  const char* at_ = nullptr;
  int64_t stride_ = 0, rows_ = 0, row_bytes_ = 0, byte_ = 0, lines_ = 0;
};

template <class T>
const T* row_of(const Rows<T>& rows, int64_t i) {
  if (rows.table == nullptr) return rows.data + i * rows.stride;
  const int32_t index = rows.table[i];
  return index < 0 ? nullptr : rows.data + index * rows.stride;
}

/// to[0 .. nr) = from[0 .. nr), or its first `columns` and zeros.
template <class T>
void pack_line(const T* from, int64_t columns, T* to) {
  using namespace Eigen::internal;
  using Packet = typename Tile<T>::Packet;
  constexpr int lanes = Tile<T>::lanes, nr = Tile<T>::nr;
  if (columns >= nr) {
    pstore(to, ploadu<Packet>(from));
    pstore(to + lanes, ploadu<Packet>(from + lanes));
    return;
  }
  std::copy_n(from, columns, to);
  std::fill_n(to + columns, nr - columns, T{0});
}

/// Panels `panel_size` apart from rows along n: b[k0 + k][column .. column + columns).
template <class T>
void pack_along_n(const Rows<T>& b, int64_t k0, int64_t depth, int64_t column, int64_t columns,
                  int64_t panel_size, T* to) {
  constexpr int nr = Tile<T>::nr, group = 16;  // rows read together, panel by panel
  static_assert(panel_block * nr <= k_block, "a row of zeros must be as long as a block's row");
  const T* rows[2][group];
  const auto find = [&](int64_t k, const T** found) {
    for (int i = 0; i < group && k + i < depth; ++i) {
      const T* row = row_of(b, k0 + k + i);
      found[i] = row != nullptr ? row + column : zero_row<T>;
    }
  };
  find(0, rows[0]);
  for (int64_t k = 0, now = 0; k < depth; k += group, now ^= 1) {
    const int64_t count = std::min<int64_t>(group, depth - k);
    const int64_t coming = std::min<int64_t>(group, depth - k - count);
    find(k + count, rows[now ^ 1]);
    for (int64_t n = 0; n < columns; n += nr) {
      T* const panel = to + n / nr * panel_size + k * nr;
      for (int64_t i = 0; i < coming; ++i) __builtin_prefetch(rows[now ^ 1][i] + n);
      for (int64_t i = 0; i < count; ++i) pack_line(rows[now][i] + n, columns - n, panel + i * nr);
    }
  }
}

/// to[k][0 .. nr) for one panel from rows along k: b[j][k], j < columns; squares are transposed in
/// registers.
template <class T>
void pack_along_k(const T* b, int64_t stride, int64_t depth, int columns, T* to) {
  using namespace Eigen::internal;
  using Packet = typename Tile<T>::Packet;
  constexpr int lanes = Tile<T>::lanes, nr = Tile<T>::nr;
  for (int j0 = 0; j0 < nr; j0 += lanes) {
    const T* row[lanes];
    for (int j = 0; j < lanes; ++j) row[j] = j0 + j < columns ? b + (j0 + j) * stride : zero_row<T>;
    int64_t k = 0;
    for (; k + lanes <= depth; k += lanes) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
      PacketBlock<Packet, lanes> square;
#pragma GCC diagnostic pop
#pragma GCC unroll 16
      for (int j = 0; j < lanes; ++j) square.packet[j] = ploadu<Packet>(row[j] + k);
      ptranspose(square);
#pragma GCC unroll 16
      for (int j = 0; j < lanes; ++j) pstore(to + (k + j) * nr + j0, square.packet[j]);
    }
    for (; k < depth; ++k)
      for (int j = 0; j < lanes; ++j) to[k * nr + j0 + j] = row[j][k];
  }
}

/// Panels of columns [n0, n1) for k in [k0, k0 + depth) of parts laid side by side, each `width`
/// wide; n0 is a multiple of nr.
template <class T>
void pack_parts(const std::vector<Rows<T>>& parts, int64_t width, int64_t k0, int64_t depth,
                int64_t n0, int64_t n1, T* to) {
  using namespace Eigen::internal;
  using Packet = typename Tile<T>::Packet;
  constexpr int lanes = Tile<T>::lanes, nr = Tile<T>::nr;
  const int64_t panel_size = depth * nr;
  if (width % nr == 0 || parts.size() == 1) {
    for (int64_t n = n0; n < n1;) {
      const int64_t part = n / width, end = std::min(n1, (part + 1) * width);
      pack_along_n(parts[part], k0, depth, n - part * width, end - n, panel_size,
                   to + (n - n0) / nr * panel_size);
      n = end;
    }
    return;
  }
  // A panel holds pieces of several parts: each row of each part is cut where a panel ends.
  const int64_t tail = (n1 - n0) % nr;
  for (int64_t k = 0; k < depth; ++k) {
    T* const line = to + k * nr;
    for (int64_t n = n0; n < n1;) {
      const int64_t part = n / width, end = std::min(n1, (part + 1) * width);
      const T* const row = row_of(parts[part], k0 + k);
      while (n < end) {
        const int64_t lane = (n - n0) % nr, run = std::min(nr - lane, end - n);
        const T* const from = row != nullptr ? row + n - part * width : zero_row<T>;
        T* const out = line + (n - n0) / nr * panel_size + lane;
        if (run >= lanes) {  // the last packet may overlap the one before
          pstoreu(out, ploadu<Packet>(from));
          pstoreu(out + run - lanes, ploadu<Packet>(from + run - lanes));
        } else {
          for (int64_t j = 0; j < run; ++j) out[j] = from[j];
        }
        n += run;
      }
    }
    if (tail != 0) std::fill_n(line + (n1 - n0) / nr * panel_size + tail, nr - tail, T{0});
  }
}

/// Tiles of rows [m0, m1) of an operand whose rows run along m; a short last tile keeps its rest
/// unset, since no tile reads it.
template <class T>
void pack_tiles(const Rows<T>& a, int64_t k0, int64_t depth, int64_t m0, int64_t m1, T* to) {
  constexpr int mr = Tile<T>::mr;
  const int64_t full = (m1 - m0) / mr, rest = (m1 - m0) % mr;
  for (int64_t k = 0; k < depth; ++k) {
    const T* from = row_of(a, k0 + k);
    T* line = to + k * mr;
    if (from == nullptr) {
      for (int64_t tile = 0; tile * mr < m1 - m0; ++tile, line += depth * mr)
        std::fill_n(line, mr, T{0});
      continue;
    }
    from += m0;
    for (int64_t tile = 0; tile < full; ++tile, from += mr, line += depth * mr)
      std::memcpy(line, from, mr * sizeof(T));
    std::copy_n(from, rest, line);
  }
}

}  // namespace weft::gemm_detail
