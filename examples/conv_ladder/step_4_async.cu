// Step 4: 16 bytes a copy, and copies that run while the block multiplies.
// cp.async (from Ampere on) takes bytes to shared memory past the registers and returns at once.
// With two pairs of tiles, one is filled while the other is multiplied, so nobody waits for memory
// but at the start. A copy carries eight channels instead of one, and writes zeros by itself where a
// tap sees none. A thread always copies the same two rows of each tile, so their places are
// registers and the table of step 3 is gone. One barrier a pair of tiles is left of two.
#include "engine/cuda/check.h"
#include "engine/cuda/mma.cuh"
#include "examples/conv_ladder/fma_tile.cuh"

namespace weft::ladder {
namespace {

__global__ void __launch_bounds__(fma::threads, 2) async_copies_kernel(Layer l, Operands o) {
  using namespace fma;
  __shared__ alignas(16) Bf16 left[2][tile][row], right[2][tile][row];
  const int t = static_cast<int>(threadIdx.x);
  const int m = static_cast<int>(blockIdx.y) * tile, k = static_cast<int>(blockIdx.x) * tile;
  const int copied = t / 4, channel = t % 4 * 8;  // rows `copied` and 64 more, 8 channels
  const Pixel pixels[2] = {pixel_of(l, m + copied), pixel_of(l, m + copied + 64)};

  const int stages_a_tap = l.channels / depth, stages = taps * stages_a_tap;
  const auto copy = [&](int stage) {
    const int tap = stage / stages_a_tap, c = stage % stages_a_tap * depth + channel;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int at = source(l, pixels[i], tap), r = copied + 64 * i;
      mma::copy_async(mma::shared_address(&left[stage % 2][r][channel]),
                      o.x + (at < 0 ? 0 : at + c), at >= 0);
      mma::copy_async(mma::shared_address(&right[stage % 2][r][channel]),
                      o.weight + ((k + r) * taps + tap) * l.channels + c, true);
    }
    mma::commit();
  };

  float sum[side][side] = {};
  copy(0);
  for (int stage = 0; stage < stages; ++stage) {
    mma::wait<0>();   // this thread's copies are there,
    __syncthreads();  // all threads' are, and all have left the other pair of tiles
    if (stage + 1 < stages) copy(stage + 1);
    multiply_tile(sum, left[stage % 2], right[stage % 2]);
  }
  store_tile(l, o.y, m, k, sum);
}

}  // namespace

Launch async_copies(const Layer& l, const Operands& o) {
  return [=] {
    const dim3 grid(l.filters / fma::tile, ceil_div(l.pixels(), fma::tile));
    async_copies_kernel<<<grid, fma::threads>>>(l, o);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
