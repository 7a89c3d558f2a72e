// Step 8: a warpgroup that fills, two that multiply, and blocks that stay.
// In step 7 the thread that asked for copies held up its warp, and so its warpgroup. Here it is in a
// warpgroup of its own, which gives registers away (setmaxnreg): 384 threads have 168 each, from then
// on those that multiply 232 and the others 40. There is one block for each multiprocessor, which
// takes tile after tile. While the sums of one are stored, the first stages of the next are coming;
// stores go by the TMA as well, whole lines at a time, and nobody waits for them.
#include "engine/cuda/check.h"
#include "examples/conv_ladder/hopper.cuh"

namespace weft::ladder {
namespace {

using namespace hopper;

constexpr int threads = 384;
constexpr int shared_bytes = room_to_align + 2 * boxes_bytes + Stages::bytes;

__global__ void __launch_bounds__(threads, 1)
    warp_roles_kernel(Layer l, const __grid_constant__ CUtensorMap x,
                      const __grid_constant__ CUtensorMap weight,
                      const __grid_constant__ CUtensorMap y) {
#ifdef WEFT_WGMMA
  extern __shared__ unsigned char memory[];
  const uint32_t boxes = aligned(memory);
  Stages ring(boxes + 2 * boxes_bytes);
  if (threadIdx.x == 0) ring.init();
  __syncthreads();

  const int stages_a_tap = l.channels / depth, count = taps * stages_a_tap;
  const int across = l.filters / tile_n, tiles = ceil_div(l.pixels(), tile_m) * across;
  const int blocks = static_cast<int>(gridDim.x), first_tile = static_cast<int>(blockIdx.x);

  if (threadIdx.x < 128) {
    tma::give_registers<filling_registers>();
    if (threadIdx.x > 0) return;
    for (int tile = first_tile; tile < tiles; tile += blocks) {
      const Pixel first = pixel_of(l, tile / across * tile_m);
      for (int tap = 0; tap < taps; ++tap)
        for (int c = 0; c < l.channels; c += depth) {
          ring.begin_filling(stage_bytes);
          tma::load_pixels(ring.stage(), &x, ring.barrier(), c, first.column - l.dilation,
                           first.row - l.dilation, first.image, tap % 3 * l.dilation,
                           tap / 3 * l.dilation);
          tma::load_weight(ring.stage() + left_bytes, &weight, ring.barrier(), c, tap,
                           tile % across * tile_n);
          ring.advance();
        }
    }
    return;
  }

  tma::take_registers<multiplying_registers>();
  const int half = static_cast<int>(threadIdx.x) / 128 - 1;
  const bool leaves = threadIdx.x % 32 == 0;
  Sum sum;
  for (int tile = first_tile; tile < tiles; tile += blocks) {
    int last = 0;
    for (int stage = 0; stage < count; ++stage) {
      ring.wait_full();
      multiply_stage(sum, ring.stage(), half, stage > 0);
      if (stage > 0) {
        wgmma::wait<1>();
        if (leaves) ring.leave(last);
      }
      last = ring.slot;
      ring.advance();
    }
    wgmma::wait<0>();
    if (leaves) ring.leave(last);
    const int m = tile / across * tile_m + 64 * half;
    store_boxes(&y, boxes + half * boxes_bytes, half, m, l.pixels(), pixel_of(l, m),
                tile % across * tile_n, sum);
  }
  if (threadIdx.x % 128 == 0) tma::wait_stores();
#endif
}

}  // namespace

Launch warp_roles(const Layer& l, const Operands& o) {
  const auto pixels = [&](const Bf16* at, int channels) {
    return PixelBox{.at = at,
                    .channels = channels,
                    .columns = l.width,
                    .rows = l.height,
                    .images = l.images,
                    .column_stride = channels,
                    .row_stride = int64_t{l.width} * channels,
                    .image_stride = int64_t{l.height} * l.width * channels};
  };
  PixelBox seen = pixels(o.x, l.channels);
  seen.span_w = seen.span_h = 2 * l.dilation;
  seen.margin = l.dilation;
  const CUtensorMap x = pixel_map(MapType::bf16, seen, tile_m);
  const CUtensorMap y = pixel_map(MapType::bf16, pixels(o.y, l.filters), 64);
  const CUtensorMap weight =
      weight_map(MapType::bf16, o.weight, l.channels, taps, l.filters, tile_n);
  WEFT_CUDA(cudaFuncSetAttribute(warp_roles_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 shared_bytes));
  int multiprocessors = 0;
  WEFT_CUDA(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
  return [=] {
    warp_roles_kernel<<<multiprocessors, threads, shared_bytes>>>(l, x, weight, y);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
