// How a warpgroup's sums become pixels: + bias, rounded to the type, by way of shared memory, where
// they lie as the TMA wants them: boxes of 64 pixels by 128 bytes of channels, rotated as always.
// One thread then stores two boxes at a time. The shared memory is the warpgroup's own, and is
// written again only after the stores before have read it; they go on while the next tile is
// multiplied.
#pragma once

#include "ops/conv2d_hopper_gather_cuda.cuh"

namespace weft::hopper_conv {

constexpr int store_bytes = 2 * wgmma::block_bytes;  ///< of each warpgroup that multiplies

/// Bias of columns n and n + 1; there is an even number of columns.
__device__ inline float2 bias_pair(const float* bias, int n, int columns) {
  if (bias == nullptr || n >= columns) return {0, 0};
  return *reinterpret_cast<const float2*>(bias + n);
}
__device__ inline float2 bias_pair(const bf16_t* bias, int n, int columns) {
  if (bias == nullptr || n >= columns) return {0, 0};
  return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162*>(bias + n));
}

__device__ inline uint32_t pack(float a, float b) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(a, b);
  return *reinterpret_cast<const uint32_t*>(&both);
}

/// Columns 8 j .. 8 j + 15 of the warpgroup's 64 rows; `at`: where 16-byte chunk `chunk` of the
/// boxes begins (8 chunks to a box).
__device__ inline uint32_t chunk_address(uint32_t boxes, int row, int chunk) {
  return boxes + chunk / 8 * wgmma::block_bytes + row * row_bytes +
         (((chunk % 8) ^ (row & 7)) << 4);
}

/// One pass: columns from 8 `first_j` on, `columns` of them, of 64 rows to shared memory.
template <int columns>
__device__ __forceinline__ void stage_pass(uint32_t boxes, const float* sum, const bf16_t* bias,
                                           int n, int all_columns) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x % 128 / 32;
#pragma unroll
  for (int q = 0; q < columns / 16; ++q) {  // four 8x8 matrices: 16 rows by 16 columns
    const float* const v = sum + 8 * q;
    const float2 left = bias_pair(bias, n + 16 * q + lane % 4 * 2, all_columns);
    const float2 right = bias_pair(bias, n + 16 * q + 8 + lane % 4 * 2, all_columns);
    tma::store_matrices(chunk_address(boxes, 16 * warp + lane % 16, 2 * q + lane / 16),
                        pack(v[0] + left.x, v[1] + left.y), pack(v[2] + left.x, v[3] + left.y),
                        pack(v[4] + right.x, v[5] + right.y), pack(v[6] + right.x, v[7] + right.y));
  }
}
template <int columns>
__device__ __forceinline__ void stage_pass(uint32_t boxes, const float* sum, const float* bias,
                                           int n, int all_columns) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x % 128 / 32;
#pragma unroll
  for (int q = 0; q < columns / 8; ++q) {
    const float2 more = bias_pair(bias, n + 8 * q + lane % 4 * 2, all_columns);
#pragma unroll
    for (int half = 0; half < 2; ++half)
      asm volatile("st.shared.v2.f32 [%0], {%1, %2};\n" ::"r"(
                       chunk_address(boxes, 16 * warp + 8 * half + lane / 4, 2 * q + lane % 4 / 2) +
                       lane % 2 * 8),
                   "f"(sum[4 * q + 2 * half] + more.x), "f"(sum[4 * q + 2 * half + 1] + more.y)
                   : "memory");
  }
}

/// The tile of segment `s`: its rows that warpgroup `half` holds in `sum`. `boxes`: store_bytes of
/// shared memory.
template <class B>
__device__ __forceinline__ void store_tile(const GatherArgs<typename B::T>& a, const Segment& s,
                                           int half, uint32_t boxes, const typename B::Sum& sum) {
  constexpr int box_columns = row_bytes / static_cast<int>(sizeof(typename B::T));
  constexpr int at_once = B::n >= 2 * box_columns ? 2 : 1, columns = at_once * box_columns;
  const ClassArgs& c = a.list[s.index];
  const bool stores = threadIdx.x % 128 == 0;
#pragma unroll
  for (int b = 0; b < B::m_blocks; ++b) {
    const int m = s.m * B::m + (half * B::m_blocks + b) * 64;
#pragma unroll
    for (int pass = 0; pass < B::n / columns; ++pass) {
      const int n = s.n * B::n + pass * columns;
      if (stores) tma::wait_stores_read();
      tma::sync_threads<128>(1 + half);
      stage_pass<columns>(boxes, sum[b] + pass * columns / 2, a.bias, n, a.columns);
      tma::publish_shared();
      tma::sync_threads<128>(1 + half);
      if (!stores) continue;
      if (m < c.pixels) {
        const PixelPlace place(c, m, 1);
#pragma unroll
        for (int box = 0; box < at_once; ++box)
          if (const int c0 = n + box * box_columns; c0 < a.columns) {
            const uint32_t from = boxes + box * wgmma::block_bytes;
            if (a.adds)
              tma::add_pixels(&a.to[s.index], from, c0, place.column, place.row, place.image);
            else
              tma::store_pixels(&a.to[s.index], from, c0, place.column, place.row, place.image);
          }
      }
      tma::commit_stores();
    }
  }
}

}  // namespace weft::hopper_conv
