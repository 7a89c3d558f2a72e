// Step 9's classes of pixels. Along one axis of `extent` pixels, tap t of pixel i sees pixel
// i + dilation (t - 1), or a zero outside. Pixels that see the same taps are a run: at most three of
// them, left edge, middle and right edge. A run of rows and a run of columns make a class: a box of
// pixels [images, rows, columns] in y, whose taps lie in a box of x that never leaves the image.
//   41 pixels, dilation 6:  run of 6 sees taps 1 2 | run of 29 sees 0 1 2 | run of 6 sees 0 1
#pragma once

#include <algorithm>
#include <vector>

#include "engine/cuda/tensor_map.h"
#include "examples/conv_ladder/ladder.h"

namespace weft::ladder {

/// Pixels start .. start + count - 1 see taps first_tap .. first_tap + taps - 1.
struct Run {
  int start = 0, count = 0, first_tap = 0, taps = 0;
};

inline std::vector<Run> runs_of(int extent, int dilation) {
  std::vector<Run> runs;
  for (int i = 0; i < extent; ++i) {
    Run seen{i, 1, i < dilation ? 1 : 0, 0};
    seen.taps = (i + dilation < extent ? 3 : 2) - seen.first_tap;
    if (!runs.empty() && runs.back().first_tap == seen.first_tap && runs.back().taps == seen.taps)
      ++runs.back().count;
    else
      runs.push_back(seen);
  }
  return runs;
}

struct PixelClass {
  Layer part;  ///< its pixels, as a layer of their own
  Run rows, columns;
  int first_tile;  ///< in the list of all classes' tiles
  CUtensorMap x, y;

  __host__ __device__ int taps() const { return rows.taps * columns.taps; }
};

/// A kernel's argument: all classes, those with most taps first.
struct Classes {
  PixelClass list[taps];
  CUtensorMap weight;
  int count = 0, tiles = 0;
};

/// The box of `of`, an NHWC tensor of the layer with `channels`, that begins at (row, column).
inline PixelBox box_of(const Layer& l, const Bf16* of, int channels, int row, int column,
                       const PixelClass& c) {
  const int64_t wide = channels, line = l.width * wide;
  return {.at = of + row * line + column * wide,
          .channels = channels,
          .columns = c.columns.count,
          .rows = c.rows.count,
          .images = l.images,
          .column_stride = wide,
          .row_stride = line,
          .image_stride = l.height * line};
}

/// For tiles of tile_m pixels by tile_n filters.
inline Classes classes_of(const Layer& l, const Operands& o, int tile_m, int tile_n) {
  Classes all{};
  for (const Run& rows : runs_of(l.height, l.dilation))
    for (const Run& columns : runs_of(l.width, l.dilation)) {
      PixelClass& c = all.list[all.count++];
      c.part = l;
      c.part.height = rows.count;
      c.part.width = columns.count;
      c.rows = rows;
      c.columns = columns;
      PixelBox seen = box_of(l, o.x, l.channels, rows.start + (rows.first_tap - 1) * l.dilation,
                             columns.start + (columns.first_tap - 1) * l.dilation, c);
      seen.span_h = (rows.taps - 1) * l.dilation;
      seen.span_w = (columns.taps - 1) * l.dilation;
      c.x = pixel_map(MapType::bf16, seen, tile_m);
      c.y = pixel_map(MapType::bf16, box_of(l, o.y, l.filters, rows.start, columns.start, c), 64);
    }
  std::stable_sort(all.list, all.list + all.count,
                   [](const PixelClass& a, const PixelClass& b) { return a.taps() > b.taps(); });
  for (int i = 0; i < all.count; ++i) {
    all.list[i].first_tile = all.tiles;
    all.tiles += ceil_div(all.list[i].part.pixels(), tile_m) * (l.filters / tile_n);
  }
  all.weight = weight_map(MapType::bf16, o.weight, l.channels, taps, l.filters, tile_n);
  return all;
}

}  // namespace weft::ladder
