// Step 6: Hopper's warpgroup products (wgmma, sm_90a), straight from shared memory.
// One wgmma multiplies 64 x 16 by 16 x 256 for 128 threads, reads both factors from shared memory by
// itself and runs on its own until waited for: no ldmatrix, no registers for factors, and these are
// free for a tile of 128 x 256, twice the work a byte of step 5's. Rows are swizzled, not padded.
// All 256 threads still copy as they did, and meet at a barrier every stage; the products of the
// stage before run on meanwhile.
#include "engine/cuda/check.h"
#include "engine/cuda/mma.cuh"
#include "examples/conv_ladder/hopper.cuh"

namespace weft::ladder {
namespace {

using namespace hopper;

constexpr int threads = 256, shared_bytes = room_to_align + stages * stage_bytes;

__global__ void __launch_bounds__(threads, 1) warpgroups_kernel(Layer l, Operands o) {
#ifdef WEFT_WGMMA
  extern __shared__ unsigned char memory[];
  const uint32_t ring = aligned(memory);
  const int t = static_cast<int>(threadIdx.x), half = t / 128;
  const int m = static_cast<int>(blockIdx.y) * tile_m, k = static_cast<int>(blockIdx.x) * tile_n;

  // A thread copies chunk t % 8 of rows t / 8, + 32, + 64, ..: 4 of left, 8 of right.
  const int row = t / 8, chunk = t % 8;
  Pixel pixels[tile_m / 32];
#pragma unroll
  for (int i = 0; i < tile_m / 32; ++i) pixels[i] = pixel_of(l, m + row + 32 * i);

  const int stages_a_tap = l.channels / depth, count = taps * stages_a_tap;
  const auto copy = [&](int stage) {
    if (stage < count) {
      const int tap = stage / stages_a_tap, c = stage % stages_a_tap * depth + 8 * chunk;
      const uint32_t left = ring + stage % stages * stage_bytes, right = left + left_bytes;
#pragma unroll
      for (int i = 0; i < tile_m / 32; ++i) {
        const int at = source(l, pixels[i], tap);
        mma::copy_async(left + swizzled(row + 32 * i, chunk), o.x + (at < 0 ? 0 : at + c), at >= 0);
      }
#pragma unroll
      for (int i = 0; i < tile_n / 32; ++i)
        mma::copy_async(right + swizzled(row + 32 * i, chunk),
                        o.weight + ((k + row + 32 * i) * taps + tap) * l.channels + c, true);
    }
    mma::commit();
  };

  Sum sum;
  for (int stage = 0; stage < stages - 2; ++stage) copy(stage);
  for (int stage = 0; stage < count; ++stage) {
    mma::wait<stages - 3>();
    tma::publish_shared();  // what this thread copied, wgmma reads: another way into memory
    __syncthreads();        // all is there; and all have finished the products of stage - 2
    multiply_stage(sum, ring + stage % stages * stage_bytes, half, stage > 0);
    copy(stage + stages - 2);  // where stage - 2 was
    wgmma::wait<1>();          // the products of stage - 1 are done
  }
  wgmma::wait<0>();
  store_pairs(l, o.y, m + 64 * half, k, sum);
#endif
}

}  // namespace

Launch warpgroups(const Layer& l, const Operands& o) {
  WEFT_CUDA(cudaFuncSetAttribute(warpgroups_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 shared_bytes));
  return [=] {
    const dim3 grid(l.filters / tile_n, ceil_div(l.pixels(), tile_m));
    warpgroups_kernel<<<grid, threads, shared_bytes>>>(l, o);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
