// Step 2: coalesced loads, and a block of results in registers.
// A warp makes 8 pixels by 8 filters together. Its lanes take neighbouring channels, two each, so a
// load of the warp is one line of 128 bytes. Every lane holds all 64 sums, over its own channels:
// 16 loads now feed 128 multiplications, where step 1 wants two for each. At the end the lanes' sums
// are added up. The 8 warps of a block share rows with each other only by luck, in the L1 cache.
#include "engine/cuda/check.h"
#include "examples/conv_ladder/ladder.h"

namespace weft::ladder {
namespace {

constexpr int threads = 256, side = 8;                            // of a warp's square of results
constexpr int block_pixels = 2 * side, block_filters = 4 * side;  // 2 x 4 warps

__device__ float2 two(const Bf16* p) {
  return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162*>(p));
}

__device__ float add_lanes(float v) {
  for (int apart = 16; apart > 0; apart /= 2) v += __shfl_xor_sync(~0u, v, apart);
  return v;
}

__global__ void __launch_bounds__(threads, 2) registers_kernel(Layer l, Operands o) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int m = static_cast<int>(blockIdx.y) * block_pixels + warp / 4 * side;
  const int k = static_cast<int>(blockIdx.x) * block_filters + warp % 4 * side;

  float sum[side][side] = {};
  for (int tap = 0; tap < taps; ++tap) {
    int at[side];
#pragma unroll
    for (int i = 0; i < side; ++i) at[i] = source(l, pixel_of(l, m + i), tap);
    const Bf16* const weight = o.weight + (k * taps + tap) * l.channels;

    for (int c = 2 * lane; c < l.channels; c += 64) {
      float2 left[side];
#pragma unroll
      for (int i = 0; i < side; ++i) left[i] = at[i] < 0 ? float2{0, 0} : two(o.x + at[i] + c);
#pragma unroll
      for (int j = 0; j < side; ++j) {
        const float2 right = two(weight + j * taps * l.channels + c);
#pragma unroll
        for (int i = 0; i < side; ++i) sum[i][j] += left[i].x * right.x + left[i].y * right.y;
      }
    }
  }

#pragma unroll
  for (int i = 0; i < side; ++i) {
#pragma unroll
    for (int j = 0; j < side; ++j) sum[i][j] = add_lanes(sum[i][j]);
    if (lane != i || m + i >= l.pixels()) continue;  // lane i writes pixel i
#pragma unroll
    for (int j = 0; j < side; ++j) o.y[(m + i) * l.filters + k + j] = __float2bfloat16(sum[i][j]);
  }
}

}  // namespace

Launch registers(const Layer& l, const Operands& o) {
  return [=] {
    const dim3 grid(l.filters / block_filters, ceil_div(l.pixels(), block_pixels));
    registers_kernel<<<grid, threads>>>(l, o);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
