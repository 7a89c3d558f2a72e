// What steps 6 to 9 have in common: the tile, the products of one stage, and two ways to store.
// A block makes 128 pixels by 256 filters, two warpgroups (128 threads) 64 pixels each. A stage is
// 64 channels of one tap, 128 bytes a row: 128 rows of left, then 256 of right. Its rows are rotated
// in groups of eight (the 128-byte swizzle): chunk i of 16 bytes of row r lies at i ^ (r % 8), so
// that neither copies nor products meet in the same banks, without padding.
// wgmma, TMA and barriers themselves: engine/cuda/wgmma.cuh, tma.cuh and ring.cuh.
#pragma once

#include "engine/cuda/ring.cuh"
#include "engine/cuda/tensor_map.h"
#include "engine/cuda/wgmma.cuh"
#include "examples/conv_ladder/ladder.h"

namespace weft::ladder::hopper {

constexpr int tile_m = 128, tile_n = 256, depth = 64, row_bytes = 2 * depth, stages = 4;
constexpr int left_bytes = tile_m * row_bytes, stage_bytes = left_bytes + tile_n * row_bytes;
constexpr int warps = 8;                                            ///< that multiply
constexpr int filling_registers = 40, multiplying_registers = 232;  ///< steps 8 and 9
using Stages = Ring<stages, stage_bytes, warps>;
using Sum = float[tile_n / 2];  ///< a thread's share of 64 x 256

/// The first multiple of 1024 in dynamic shared memory, which the swizzle counts from.
__device__ inline uint32_t aligned(const unsigned char* memory) {
  return (static_cast<uint32_t>(__cvta_generic_to_shared(memory)) + 1023) / 1024 * 1024;
}
constexpr int room_to_align = 1024;

__device__ inline int swizzled(int row, int chunk) {
  return row * row_bytes + ((chunk ^ (row % 8)) << 4);
}

/// Starts sum = left right^T + (keep ? sum : 0) of a stage, for warpgroup `half`'s 64 rows.
__device__ __forceinline__ void multiply_stage(Sum& sum, uint32_t stage, int half, bool keep) {
  const uint64_t left = wgmma::descriptor(stage + half * wgmma::block_bytes, false);
  const uint64_t right = wgmma::descriptor(stage + left_bytes, false);
  wgmma::fence();
#pragma unroll
  for (int step = 0; step < 4; ++step)  // 16 channels each; a descriptor counts 16 bytes
    wgmma::multiply<Bf16, false, false, tile_n>(sum, left + step * wgmma::k_major_step / 16,
                                                right + step * wgmma::k_major_step / 16,
                                                keep || step > 0);
  wgmma::commit();
}

__device__ inline uint32_t pack(float a, float b) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(a, b);
  return *reinterpret_cast<const uint32_t*>(&both);
}

/// Straight to y, 4 bytes a store: a warpgroup's 64 pixels from m, 256 filters from k.
__device__ inline void store_pairs(const Layer& l, Bf16* y, int m, int k, const Sum& sum) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x % 128 / 32;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int at = m + 16 * warp + 8 * half + lane / 4;
    if (at >= l.pixels()) continue;
#pragma unroll
    for (int j = 0; j < tile_n / 8; ++j)
      *reinterpret_cast<uint32_t*>(y + at * l.filters + k + 8 * j + lane % 4 * 2) =
          pack(sum[4 * j + 2 * half], sum[4 * j + 2 * half + 1]);
  }
}

constexpr int box_columns = 64, boxes_bytes = 2 * wgmma::block_bytes;  ///< of each warpgroup

/// By way of shared memory: two boxes of 64 pixels by 64 filters at a time, which the TMA takes to y
/// while the warpgroup goes on. `place`: where pixel m lies in the map; past `pixels` there is none.
__device__ __forceinline__ void store_boxes(const CUtensorMap* y, uint32_t boxes, int half, int m,
                                            int pixels, const Pixel& place, int k, const Sum& sum) {
  const int lane = threadIdx.x % 32, row = threadIdx.x % 128 / 32 * 16 + lane % 16;
  const bool stores = threadIdx.x % 128 == 0;
#pragma unroll
  for (int pass = 0; pass < tile_n; pass += 2 * box_columns) {
    if (stores) tma::wait_stores_read();  // the boxes are free
    tma::sync_threads<128>(1 + half);
#pragma unroll
    for (int j = 0; j < 2 * box_columns; j += 16) {  // four 8x8 matrices: 16 pixels by 16 filters
      const float* const v = sum + (pass + j) / 2;
      tma::store_matrices(boxes + j / box_columns * wgmma::block_bytes +
                              swizzled(row, j % box_columns / 8 + lane / 16),
                          pack(v[0], v[1]), pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7]));
    }
    tma::publish_shared();
    tma::sync_threads<128>(1 + half);
    if (!stores) continue;
    if (m < pixels)
#pragma unroll
      for (int box = 0; box < 2; ++box)
        tma::store_pixels(y, boxes + box * wgmma::block_bytes, k + pass + box * box_columns,
                          place.column, place.row, place.image);
    tma::commit_stores();
  }
}

}  // namespace weft::ladder::hopper
