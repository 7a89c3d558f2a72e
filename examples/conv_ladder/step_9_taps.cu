// Step 9: only the taps that see the image. This one is weft's own idea.
// With dilation 6 on 41 x 41 a fifth of all products are with zeros outside. Along an axis, pixels
// that see the same taps form three runs (left edge, middle, right edge), so an image falls into
// nine classes of pixels: boxes, all of whose pixels see the same taps. A class has tensor maps of
// its own, which begin at its first pixel and never leave the image, and its tiles have as many
// stages as it has taps (classes.h). The list of tiles goes from the deepest to the shallowest class, so that
// blocks end at about the same time. The kernel is step 8's otherwise.
#include "engine/cuda/check.h"
#include "examples/conv_ladder/classes.h"
#include "examples/conv_ladder/hopper.cuh"

namespace weft::ladder {
namespace {

using namespace hopper;

constexpr int threads = 384;
constexpr int shared_bytes = room_to_align + 2 * boxes_bytes + Stages::bytes;

/// Tile `index` of the list: its class, and its place in it.
struct Tile {
  const PixelClass& from;
  int m, k;
  __device__ Tile(const Classes& all, int index) : from(all.list[find(all, index)]) {
    const int across = from.part.filters / tile_n, local = index - from.first_tile;
    m = local / across * tile_m;
    k = local % across * tile_n;
  }
  __device__ static int find(const Classes& all, int index) {
    int c = all.count - 1;
    while (all.list[c].first_tile > index) --c;
    return c;
  }
};

__global__ void __launch_bounds__(threads, 1)
    visible_taps_kernel(const __grid_constant__ Classes all, int dilation) {
#ifdef WEFT_WGMMA
  extern __shared__ unsigned char memory[];
  const uint32_t boxes = aligned(memory);
  Stages ring(boxes + 2 * boxes_bytes);
  if (threadIdx.x == 0) ring.init();
  __syncthreads();
  // To and fro, so that after one of the deeper tiles comes one of the shallower.
  const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
  const auto tile_of = [&](int round) {
    return round * blocks + (round % 2 == 0 ? block : blocks - 1 - block);
  };
  const int channels = all.list[0].part.channels, rounds = ceil_div(all.tiles, blocks);

  if (threadIdx.x < 128) {
    tma::give_registers<filling_registers>();
    if (threadIdx.x > 0) return;
    for (int round = 0; round < rounds; ++round) {
      if (tile_of(round) >= all.tiles) continue;
      const Tile tile(all, tile_of(round));
      const PixelClass& from = tile.from;
      const Pixel first = pixel_of(from.part, tile.m);
      for (int r = 0; r < from.rows.taps; ++r)
        for (int s = 0; s < from.columns.taps; ++s)
          for (int c = 0; c < channels; c += depth) {
            ring.begin_filling(stage_bytes);
            tma::load_pixels(ring.stage(), &from.x, ring.barrier(), c, first.column, first.row,
                             first.image, s * dilation, r * dilation);
            tma::load_weight(ring.stage() + left_bytes, &all.weight, ring.barrier(), c,
                             (from.rows.first_tap + r) * 3 + from.columns.first_tap + s, tile.k);
            ring.advance();
          }
    }
    return;
  }

  tma::take_registers<multiplying_registers>();
  const int half = static_cast<int>(threadIdx.x) / 128 - 1;
  const bool leaves = threadIdx.x % 32 == 0;
  Sum sum;
  for (int round = 0; round < rounds; ++round) {
    if (tile_of(round) >= all.tiles) continue;
    const Tile tile(all, tile_of(round));
    const Layer& part = tile.from.part;
    const int count = tile.from.taps() * channels / depth;
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
    const int m = tile.m + 64 * half;
    store_boxes(&tile.from.y, boxes + half * boxes_bytes, half, m, part.pixels(), pixel_of(part, m),
                tile.k, sum);
  }
  if (threadIdx.x % 128 == 0) tma::wait_stores();
#endif
}

}  // namespace

Launch visible_taps(const Layer& l, const Operands& o) {
  const Classes all = classes_of(l, o, tile_m, tile_n);
  WEFT_CUDA(cudaFuncSetAttribute(visible_taps_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 shared_bytes));
  int multiprocessors = 0;
  WEFT_CUDA(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
  return [=, dilation = l.dilation] {
    visible_taps_kernel<<<multiprocessors, threads, shared_bytes>>>(all, dilation);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
