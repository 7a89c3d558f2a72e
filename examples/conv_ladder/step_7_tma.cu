// Step 7: the tensor memory accelerator (TMA) copies, barriers in shared memory tell of it.
// One thread asks for a whole tile by one instruction; addresses, zeros outside and the swizzle are
// the TMA's. Its im2col mode walks an image's pixels as one row, w, then h, then n, and reads all of
// them a tap's offset further: the implicit GEMM's index arithmetic in hardware. A ring of stages
// (engine/cuda/ring.cuh) has a barrier `full` that counts bytes and a barrier `empty` that counts
// warps, so no barrier of the whole block is left; the other 255 threads do nothing but multiply.
#include "engine/cuda/check.h"
#include "examples/conv_ladder/hopper.cuh"

namespace weft::ladder {
namespace {

using namespace hopper;

constexpr int threads = 256, shared_bytes = room_to_align + Stages::bytes;

__global__ void __launch_bounds__(threads, 1)
    tma_ring_kernel(Layer l, Bf16* y, const __grid_constant__ CUtensorMap x,
                    const __grid_constant__ CUtensorMap weight) {
#ifdef WEFT_WGMMA
  extern __shared__ unsigned char memory[];
  Stages ring(aligned(memory));
  const int t = static_cast<int>(threadIdx.x), half = t / 128;
  const int m = static_cast<int>(blockIdx.y) * tile_m, k = static_cast<int>(blockIdx.x) * tile_n;
  if (t == 0) ring.init();
  __syncthreads();

  const int stages_a_tap = l.channels / depth, count = taps * stages_a_tap;
  const Pixel first = pixel_of(l, m);
  Stages filling = ring;  // the same stages, some ahead
  const auto fill = [&](int stage) {
    if (t != 0 || stage >= count) return;
    const int tap = stage / stages_a_tap, c = stage % stages_a_tap * depth;
    filling.begin_filling(stage_bytes);  // waits until all warps have left it
    tma::load_pixels(filling.stage(), &x, filling.barrier(), c, first.column - l.dilation,
                     first.row - l.dilation, first.image, tap % 3 * l.dilation,
                     tap / 3 * l.dilation);
    tma::load_weight(filling.stage() + left_bytes, &weight, filling.barrier(), c, tap, k);
    filling.advance();
  };

  Sum sum;
  int last = 0;
  for (int stage = 0; stage < stages - 1; ++stage) fill(stage);
  for (int stage = 0; stage < count; ++stage) {
    ring.wait_full();
    multiply_stage(sum, ring.stage(), half, stage > 0);
    if (stage > 0) {
      wgmma::wait<1>();  // the products of stage - 1 are done
      if (t % 32 == 0) ring.leave(last);
    }
    fill(stage + stages - 1);  // where stage - 1 was
    __syncwarp();
    last = ring.slot;
    ring.advance();
  }
  wgmma::wait<0>();
  store_pairs(l, y, m + 64 * half, k, sum);
#endif
}

}  // namespace

Launch tma_ring(const Layer& l, const Operands& o) {
  const int64_t c = l.channels;
  // All taps see an image with a margin of `dilation` zeros around it.
  const CUtensorMap x = pixel_map(MapType::bf16,
                                  {.at = o.x,
                                   .channels = l.channels,
                                   .columns = l.width,
                                   .rows = l.height,
                                   .images = l.images,
                                   .column_stride = c,
                                   .row_stride = l.width * c,
                                   .image_stride = l.height * l.width * c,
                                   .span_w = 2 * l.dilation,
                                   .span_h = 2 * l.dilation,
                                   .margin = l.dilation},
                                  tile_m);
  const CUtensorMap weight =
      weight_map(MapType::bf16, o.weight, l.channels, taps, l.filters, tile_n);
  WEFT_CUDA(cudaFuncSetAttribute(tma_ring_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 shared_bytes));
  return [=] {
    const dim3 grid(l.filters / tile_n, ceil_div(l.pixels(), tile_m));
    tma_ring_kernel<<<grid, threads, shared_bytes>>>(l, o.y, x, weight);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
