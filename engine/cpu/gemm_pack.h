// Packing: an operand's block copied into the order in which the register tile reads it.
//   b panels: [panel][k][nr], columns past the border are zeros
//   a tiles:  [tile][k][mr], for operands whose rows run along m
// The workspace is one fixed buffer per thread, sized by the block constants: no allocation, and
// the same warm cache lines, call after call.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/cpu/gemm.h"
#include "engine/cpu/gemm_tile.h"

namespace weft::gemm_detail {

/// Block sizes: a b panel of k_block fits half of the first cache, a block the second.
inline constexpr int64_t k_block = 256, m_block = 192, panel_block = 8, max_parts = 16;

/// What rows of index -1 read.
template <class T>
alignas(64) inline constexpr T zero_row[k_block] = {};

template <class T>
struct Workspace {
  static constexpr int64_t a_rows = m_block + Tile<T>::mr;
  alignas(64) T b[panel_block * k_block * Tile<T>::nr];
  alignas(64) T a[a_rows * k_block];
  const T* a_pointers[a_rows * max_parts];
  T* c_pointers[a_rows];
};

template <class T>
Workspace<T>& workspace() {
  thread_local const auto memory = std::make_unique<Workspace<T>>();
  return *memory;
}

template <class T>
const T* row_of(const Rows<T>& rows, int64_t i) {
  if (rows.table == nullptr) return rows.data + i * rows.stride;
  const int32_t index = rows.table[i];
  return index < 0 ? nullptr : rows.data + index * rows.stride;
}

/// to[k][0 .. nr) for one panel from rows along n: b[k][n0 + j], j < columns.
template <class T>
void pack_along_n(const T* b, int64_t stride, int64_t depth, int columns, T* to) {
  constexpr int nr = Tile<T>::nr;
  if (columns == nr) {
    for (int64_t k = 0; k < depth; ++k) std::memcpy(to + k * nr, b + k * stride, nr * sizeof(T));
    return;
  }
  for (int64_t k = 0; k < depth; ++k) {
    std::copy_n(b + k * stride, columns, to + k * nr);
    std::fill_n(to + k * nr + columns, nr - columns, T{0});
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
  for (int64_t k = 0; k < depth; ++k) {
    T* const line = to + k * nr;
    for (int64_t n = n0; n < n1;) {
      const int64_t part = n / width, part_end = std::min(n1, (part + 1) * width);
      const T* from = row_of(parts[part], k0 + k);
      if (from != nullptr) from += n - part * width;
      while (n < part_end) {
        const int64_t lane = (n - n0) % nr, run = std::min(nr - lane, part_end - n);
        T* const out = line + (n - n0) / nr * panel_size + lane;
        if (run == nr) {
          const T* source = from != nullptr ? from : zero_row<T>;
          pstore(out, ploadu<Packet>(source));
          pstore(out + lanes, ploadu<Packet>(source + lanes));
        } else {
          for (int64_t j = 0; j < run; ++j) out[j] = from != nullptr ? from[j] : T{0};
        }
        if (from != nullptr) from += run;
        n += run;
      }
    }
    if (const int64_t tail = (n1 - n0) % nr; tail != 0)
      std::fill_n(line + (n1 - n0) / nr * panel_size + tail, nr - tail, T{0});
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
