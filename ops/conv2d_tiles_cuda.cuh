// How conv2d_gather_cuda.cuh's kernels are started: over tiles of `tile_m` pixels of one class by
// `tile_n` columns. Where these are fewer than a card has multiprocessors, the k of each tile goes
// to several blocks in pieces, part[z, m, n] = sum over piece z of k, and a second kernel adds the
// pieces up in order: to[m, n] = bias[n] + sum over z of part[z, m, n].
#pragma once

#include <cmath>

#include "ops/conv2d_gather_cuda.cuh"

namespace weft::tensor_conv {

/// The tiles of pixels, and the stages of k that they take.
struct Tiles {
  int count = 0, deepest = 0;
  int64_t stages = 0;  ///< of all together
};

/// Tiles of `tile_m` pixels by class, the deepest classes first.
template <class T>
Tiles list_classes(GatherArgs<T>& args, int tile_m) {
  Tiles tiles;
  args.classes = 0;
  for (const RunPair& c : classes_of(args)) {
    args.list[args.classes++] = {c.row_run, c.column_run, tiles.count};
    const int pixels =
        args.images * args.rows.run[c.row_run].count * args.cols.run[c.column_run].count;
    const int count = (pixels + tile_m - 1) / tile_m;
    const int stages = c.taps * ((args.depth + depth_step<T> - 1) / depth_step<T>);
    tiles.count += count;
    tiles.stages += int64_t{count} * stages;
    tiles.deepest = std::max(tiles.deepest, stages);
  }
  return tiles;
}

/// Into how many pieces each tile's k is divided: what takes least by a rough estimate of an H100's
/// microseconds. It knows sizes only, of the tensors and of the kernel's tiles, and no card.
template <class T>
int pieces_of(const GatherArgs<T>& args, const Tiles& tiles, int tile_n, int resident) {
  constexpr double multiprocessors = 132, bytes_a_us = 2.5e6, launch_us = 4, fill_us = 2;
  const double across = static_cast<double>(blocks_for(args.columns, tile_n));
  const double slots = multiprocessors * resident, stage_us = 0.2 + tile_n / 256.0;
  const double part_us = 4.0 * static_cast<double>(args.pixels() * args.columns) / bytes_a_us;
  const auto estimate = [&](int pieces) {
    const double waves = std::ceil(tiles.count * across * pieces / slots);
    const double stages =
        std::max<double>(tiles.deepest, waves * static_cast<double>(tiles.stages) / tiles.count);
    return std::ceil(stages / pieces) * stage_us + waves * fill_us +
           (pieces == 1 ? 0 : launch_us + 2 * pieces * part_us);
  };
  int best = 1;
  for (int pieces = 2; pieces <= std::min(64, tiles.deepest / 2); ++pieces)
    if (estimate(pieces) < estimate(best)) best = pieces;
  if (estimate(best) > 0.9 * estimate(1)) return 1;
  const int each = (tiles.deepest + best - 1) / best;
  return (tiles.deepest + each - 1) / each;  // no piece is empty in the deepest tiles
}

/// to = bias + the pieces, in order.
template <class T>
void add_pieces(CudaContext& ctx, const GatherArgs<T>& args) {
  const auto columns = static_cast<unsigned>(args.columns);
  const int64_t numel = args.pixels() * columns;
  const float* const parts = args.parts;
  const T* const bias = args.bias;
  T* const to = args.to;
  const int pieces = args.pieces;
  for_each(ctx, "conv2d add pieces", numel, [=] __device__(int64_t i) {
    float sum = bias == nullptr ? 0 : load(bias + static_cast<unsigned>(i) % columns);
    for (int piece = 0; piece < pieces; ++piece) sum += parts[piece * numel + i];
    store(to + i, sum);
  });
}

/// Starts `kernel`, whose blocks are B's, over all tiles and, where these are few, pieces of k.
template <class B, class T>
void start_tiles(CudaContext& ctx, const char* name, void (*kernel)(GatherArgs<T>),
                 GatherArgs<T>& args) {
  static const cudaError_t granted =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, B::bytes);
  check(granted, name);
  const Tiles tiles = list_classes(args, B::m);
  args.pieces = pieces_of(args, tiles, B::n, B::resident);
  Tensor parts;
  if (args.pieces > 1) {
    const int64_t pieces = args.pieces, columns = args.columns;
    parts = Tensor::empty({pieces, args.pixels(), columns}, DType::f32, ctx.memory());
    args.parts = parts.data<float>();
  }
  constexpr int most = 65535;  // tiles in a grid's y; a large picture has more
  for (args.skipped = 0; args.skipped < tiles.count; args.skipped += most)
    launch(ctx, name, kernel,
           dim3(static_cast<unsigned>(blocks_for(args.columns, B::n)),
                static_cast<unsigned>(std::min(tiles.count - args.skipped, most)),
                static_cast<unsigned>(args.pieces)),
           dim3(B::threads), B::bytes, args);
  if (args.pieces > 1) add_pieces(ctx, args);
}

}  // namespace weft::tensor_conv
