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

template <class T, int Rows, int Step>
void compute_tile(const TileArgs<T>& t) {
  using namespace Eigen::internal;
  using Size = Tile<T>;
  using Packet = typename Size::Packet;
  constexpr int lanes = Size::lanes;
  Packet acc[Rows][2];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) acc[i][0] = acc[i][1] = pset1<Packet>(T{0});
  for (int i = 0; i < Rows; ++i) __builtin_prefetch(t.c[i] + t.column, 1);
  const T* b = t.b;
  for (int part = 0; part < t.parts; ++part) {
    const T* a[Rows];
    for (int i = 0; i < Rows; ++i) a[i] = t.a[part * Size::mr + i];
    const T* const end = b + t.depth * Size::nr;
    for (int64_t k = 0; b != end; k += Step, b += Size::nr) {
      const Packet b0 = pload<Packet>(b), b1 = pload<Packet>(b + lanes);
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) {
        const Packet ai = pload1<Packet>(a[i] + k);
        acc[i][0] = pmadd(ai, b0, acc[i][0]);
        acc[i][1] = pmadd(ai, b1, acc[i][1]);
      }
    }
  }
  if (t.columns == Size::nr) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      T* c = t.c[i] + t.column;
      if (!t.first) {
        acc[i][0] = padd(ploadu<Packet>(c), acc[i][0]);
        acc[i][1] = padd(ploadu<Packet>(c + lanes), acc[i][1]);
      }
      pstoreu(c, acc[i][0]);
      pstoreu(c + lanes, acc[i][1]);
    }
    return;
  }
  alignas(64) T row[Size::nr];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    pstore(row, acc[i][0]);
    pstore(row + lanes, acc[i][1]);
    T* c = t.c[i] + t.column;
    for (int j = 0; j < t.columns; ++j) c[j] = t.first ? row[j] : c[j] + row[j];
  }
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
