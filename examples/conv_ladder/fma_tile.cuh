// What steps 3 and 4 do with a tile in shared memory: 256 threads multiply 128 pixels by 128
// filters over 32 channels, 8 x 8 results each, with ordinary multiply-adds.
// Thread (i, j) of 16 x 16 has rows i, i + 16, .. of the left tile and j, j + 16, .. of the right, so
// that a warp reads neighbouring rows. Rows are 64 bytes and 16 of padding: eight neighbours then
// lie in different banks.
#pragma once

#include "examples/conv_ladder/ladder.h"

namespace weft::ladder::fma {

constexpr int threads = 256, tile = 128, depth = 32, row = depth + 8, side = 8;

/// Channel `i` of four: a bf16 is the upper half of an f32.
__device__ inline float channel(const uint2& four, int i) {
  const uint32_t two = i < 2 ? four.x : four.y;
  return __uint_as_float(i % 2 == 0 ? two << 16 : two & 0xFFFF0000u);
}

__device__ inline void multiply_tile(float (&sum)[side][side], const Bf16 (*left)[row],
                                     const Bf16 (*right)[row]) {
  const int i0 = static_cast<int>(threadIdx.x) / 16, j0 = static_cast<int>(threadIdx.x) % 16;
#pragma unroll 1  // more at once would not fit in 128 registers
  for (int first = 0; first < depth; first += 4) {
    uint2 a[side], b[side];
#pragma unroll
    for (int i = 0; i < side; ++i) {
      a[i] = *reinterpret_cast<const uint2*>(&left[i0 + 16 * i][first]);
      b[i] = *reinterpret_cast<const uint2*>(&right[j0 + 16 * i][first]);
    }
#pragma unroll
    for (int c = 0; c < 4; ++c)
#pragma unroll
      for (int i = 0; i < side; ++i)
#pragma unroll
        for (int j = 0; j < side; ++j) sum[i][j] += channel(a[i], c) * channel(b[j], c);
  }
}

/// To y, from pixel m and filter k on.
__device__ inline void store_tile(const Layer& l, Bf16* y, int m, int k,
                                  const float (&sum)[side][side]) {
  const int i0 = static_cast<int>(threadIdx.x) / 16, j0 = static_cast<int>(threadIdx.x) % 16;
#pragma unroll
  for (int i = 0; i < side; ++i) {
    const int at = m + i0 + 16 * i;
    if (at >= l.pixels()) continue;
#pragma unroll
    for (int j = 0; j < side; ++j)
      y[at * l.filters + k + j0 + 16 * j] = __float2bfloat16(sum[i][j]);
  }
}

}  // namespace weft::ladder::fma
