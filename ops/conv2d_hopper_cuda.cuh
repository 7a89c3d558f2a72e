// What conv2d's two Hopper kernels have in common: the roles in a block and the loop over stages.
// A block is three warpgroups. One thread of the first fills a ring of stages by the TMA
// (engine/cuda/ring.cuh); the other two multiply, each its own half of the tile's m rows, all n
// columns. The first gives its registers to them: an accumulator of 64 x 256 takes 128 a thread.
// A stage is `m` rows of the left factor and `n` of the right, 128 bytes each; it is left as soon as
// the products of the stage after it have been started and its own are done.
// Where factors are sums of three bf16 parts (conv2d_hopper_split_cuda.cuh), a stage holds the rows
// of all three, and six products of parts follow on each other without another load.
#pragma once

#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma.cuh"
#include "engine/cuda/ring.cuh"
#include "engine/cuda/tensor_map.h"
#include "engine/cuda/wgmma.cuh"

namespace weft::hopper_conv {

/// Blocks that stay until the work is done, one each on a large card: a number, so that sums are
/// divided alike on every card.
constexpr int most_blocks = 132;
constexpr int row_bytes = 128, threads = 384, warps_that_multiply = 8;
constexpr int filling_registers = 40, multiplying_registers = 232;

/// A tile of m x n of the result; *_mn: that factor is MN-major (engine/cuda/wgmma.cuh); parts: 1,
/// or 3 of bf16.
template <class T_, int m_, int n_, int stages_, bool left_mn_, bool right_mn_, int parts_ = 1>
struct BlockShape {
  using T = T_;                                                ///< of the tensors
  using Factor = std::conditional_t<parts_ == 1, T_, bf16_t>;  ///< of what is multiplied
  static constexpr int m = m_, n = n_, stages = stages_, parts = parts_;
  static constexpr bool left_mn = left_mn_, right_mn = right_mn_;
  static constexpr int k =
      row_bytes / static_cast<int>(sizeof(Factor));  ///< of a stage, if K-major
  static constexpr int left_part = m * row_bytes, right_part = n * row_bytes;  ///< their bytes
  static constexpr int left_bytes = parts * left_part;
  static constexpr int stage_bytes = left_bytes + parts * right_part;
  static constexpr int m_blocks = m / 128;  ///< of 64 rows, of each warpgroup that multiplies
  using Stages = Ring<stages, stage_bytes, warps_that_multiply>;
  using Sum = float[m_blocks][n / 2];
};

/// The first multiple of 1024 in dynamic shared memory, which the swizzle counts from.
__device__ inline uint32_t aligned_shared(const unsigned char* memory) {
  return (mma::shared_address(memory) + 1023) / 1024 * 1024;
}

/// multiply_stages of three parts. Six products, the smallest first: high, middle and low are 8 bits
/// each, and what is left out (middle low, low middle, low low) is below 2^-26 of a product, where f32
/// rounds to 2^-24. Tensor cores cut off what does not fit into the sum, so that a long one drifts:
/// a stage, k of 64, is a sum of its own, and is added to the others as f32 are.
template <class B>
__device__ __forceinline__ void multiply_split_stages(typename B::Stages& ring, int half, int count,
                                                      typename B::Sum& sum) {
  constexpr int left_step = B::left_mn ? wgmma::mn_major_step : wgmma::k_major_step;
  constexpr int right_step = B::right_mn ? wgmma::mn_major_step : wgmma::k_major_step;
  constexpr int half_bytes = B::m_blocks * wgmma::block_bytes;
  constexpr int left_of[] = {2, 0, 1, 1, 0, 0}, right_of[] = {0, 2, 1, 0, 1, 0};
  const bool leaves = threadIdx.x % 32 == 0;
  for (int i = 0; i < count; ++i) {
    typename B::Sum stage;
    ring.wait_full();
    const uint64_t left = wgmma::descriptor(ring.stage() + half * half_bytes, B::left_mn);
    const uint64_t right = wgmma::descriptor(ring.stage() + B::left_bytes, B::right_mn);
    wgmma::fence();
#pragma unroll
    for (int product = 0; product < 6; ++product)
#pragma unroll
      for (int step = 0; step < 4; ++step)
#pragma unroll
        for (int b = 0; b < B::m_blocks; ++b)
          wgmma::multiply<bf16_t, B::left_mn, B::right_mn, B::n>(
              stage[b],
              left + (left_of[product] * B::left_part + b * wgmma::block_bytes + step * left_step) /
                         16,
              right + (right_of[product] * B::right_part + step * right_step) / 16,
              product > 0 || step > 0);
    wgmma::commit();
    wgmma::wait<0>();
    if (leaves) ring.leave(ring.slot);
    ring.advance();
#pragma unroll
    for (int b = 0; b < B::m_blocks; ++b)
#pragma unroll
      for (int j = 0; j < B::n / 2; ++j) sum[b][j] = i > 0 ? sum[b][j] + stage[b][j] : stage[b][j];
  }
}

template <class B>
__device__ __forceinline__ void multiply_whole_stages(typename B::Stages& ring, int half, int count,
                                                      typename B::Sum& sum) {
  using T = typename B::T;
  constexpr int left_step = B::left_mn ? wgmma::mn_major_step : wgmma::k_major_step;
  constexpr int right_step = B::right_mn ? wgmma::mn_major_step : wgmma::k_major_step;
  constexpr int half_bytes = B::m_blocks * wgmma::block_bytes;
  const bool leaves = threadIdx.x % 32 == 0;
  int last = 0;
  for (int i = 0; i < count; ++i) {
    ring.wait_full();
    const uint64_t left = wgmma::descriptor(ring.stage() + half * half_bytes, B::left_mn);
    const uint64_t right = wgmma::descriptor(ring.stage() + B::left_bytes, B::right_mn);
    wgmma::fence();
#pragma unroll
    for (int step = 0; step < 4; ++step)
#pragma unroll
      for (int b = 0; b < B::m_blocks; ++b)
        wgmma::multiply<T, B::left_mn, B::right_mn, B::n>(
            sum[b], left + (b * wgmma::block_bytes + step * left_step) / 16,
            right + step * right_step / 16, i > 0 || step > 0);
    wgmma::commit();
    if (i > 0) {
      wgmma::wait<1>();
      if (leaves) ring.leave(last);
    }
    last = ring.slot;
    ring.advance();
  }
  wgmma::wait<0>();
  if (leaves) ring.leave(last);
}

/// sum = the products of the ring's next `count` stages, at least one; `half`: of the tile's rows.
template <class B>
__device__ __forceinline__ void multiply_stages(typename B::Stages& ring, int half, int count,
                                                typename B::Sum& sum) {
  if constexpr (B::parts == 3)
    multiply_split_stages<B>(ring, half, count, sum);
  else
    multiply_whole_stages<B>(ring, half, count, sum);
}

}  // namespace weft::hopper_conv
