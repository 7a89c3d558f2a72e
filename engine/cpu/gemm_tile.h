// The register tile that every matrix product of the CPU ends in:
//   c[i][0 .. nr) = (first ? 0 : c[i][0 .. nr)) + sum over parts, over k of a[i][k] * b[k][0 .. nr)
// a: one pointer per row and part, so that rows may lie anywhere (a convolution's pixels, zeros for
// padding); b: packed, nr wide. Sums stay in registers over all parts. Sizes come from the packet:
// 6 x 16 floats with AVX2, 14 x 32 with AVX-512, 14 x 8 with NEON. Every element sees the same
// operations in the same order whatever tile it falls into, so tails give the same bits.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <utility>

namespace weft::gemm_detail {

template <class T>
struct Tile {
  using Packet = typename Eigen::internal::packet_traits<T>::type;
  static constexpr int lanes = Eigen::internal::unpacket_traits<Packet>::size;
  static constexpr int nr = 2 * lanes;
  static constexpr int mr = (EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS - 4) / 2;
};

/// One tile's operands. a holds `parts` groups of mr pointers; consecutive k are `Step` apart.
template <class T>
struct TileArgs {
  const T* const* a;
  int parts;
  int64_t depth;   ///< k of one part
  const T* b;      ///< [parts * depth][nr], aligned to a packet
  T* const* c;     ///< one pointer per row
  int64_t column;  ///< the tile's first column
  int columns;     ///< that exist in c: nr, or fewer at the right border
  bool first;      ///< c is written, not added to
};

/// The sums of rows 0 .. Rows-1, nested rather than in an array: members stay in registers.
template <class T, int Rows>
struct Sums {
  using Packet = typename Tile<T>::Packet;
  static constexpr int lanes = Tile<T>::lanes;
  Sums<T, Rows - 1> above;
  Packet left = Eigen::internal::pset1<Packet>(T{0}), right = left;
  const T* a = nullptr;

  [[gnu::always_inline]] void start_part(const T* const* rows) {
    above.start_part(rows);
    a = rows[Rows - 1];
  }
  [[gnu::always_inline]] void add(int64_t k, const Packet& b0, const Packet& b1) {
    above.add(k, b0, b1);
    const Packet ai = Eigen::internal::pload1<Packet>(a + k);
    left = Eigen::internal::pmadd(ai, b0, left);
    right = Eigen::internal::pmadd(ai, b1, right);
  }
  [[gnu::always_inline]] void prefetch(const TileArgs<T>& t) const {
    above.prefetch(t);
    __builtin_prefetch(t.c[Rows - 1] + t.column, 1);
  }
  [[gnu::always_inline]] void store(const TileArgs<T>& t) const {
    using namespace Eigen::internal;
    above.store(t);
    T* const c = t.c[Rows - 1] + t.column;
    if (t.columns == Tile<T>::nr) {
      pstoreu(c, t.first ? left : padd(ploadu<Packet>(c), left));
      pstoreu(c + lanes, t.first ? right : padd(ploadu<Packet>(c + lanes), right));
      return;
    }
    alignas(64) T row[Tile<T>::nr];
    pstore(row, left);
    pstore(row + lanes, right);
    for (int j = 0; j < t.columns; ++j) c[j] = t.first ? row[j] : c[j] + row[j];
  }
};

template <class T>
struct Sums<T, 0> {
  using Packet = typename Tile<T>::Packet;
  [[gnu::always_inline]] void start_part(const T* const*) {}
  [[gnu::always_inline]] void add(int64_t, const Packet&, const Packet&) {}
  [[gnu::always_inline]] void prefetch(const TileArgs<T>&) const {}
  [[gnu::always_inline]] void store(const TileArgs<T>&) const {}
};

template <class T, int Rows, int Step>
void compute_tile(const TileArgs<T>& t) {
  using Packet = typename Tile<T>::Packet;
  constexpr int nr = Tile<T>::nr;
  Sums<T, Rows> sums;
  sums.prefetch(t);
  const T* b = t.b;
  for (int part = 0; part < t.parts; ++part) {
    sums.start_part(t.a + part * Tile<T>::mr);
    const T* const end = b + t.depth * nr;
    for (int64_t k = 0; b != end; k += Step, b += nr)
      sums.add(k, Eigen::internal::pload<Packet>(b),
               Eigen::internal::pload<Packet>(b + Tile<T>::lanes));
  }
  sums.store(t);
}

template <class T>
using TileFn = void (*)(const TileArgs<T>&);

template <class T, int Step, int... Rows>
constexpr std::array<TileFn<T>, sizeof...(Rows)> tile_table(std::integer_sequence<int, Rows...>) {
  return {&compute_tile<T, Rows + 1, Step>...};
}

/// The tile for `rows` in 1 .. mr: fewer rows do less work and give the same bits.
template <class T, int Step>
TileFn<T> tile_for(int rows) {
  static constexpr auto table = tile_table<T, Step>(std::make_integer_sequence<int, Tile<T>::mr>{});
  return table[rows - 1];
}

}  // namespace weft::gemm_detail
