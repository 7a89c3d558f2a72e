// Convolutions as products of matrices: pixels packed, tap by tap under large dilations, or read from
// padded rows as they lie. See kernels.h, kernels_text.h.
#pragma once

#include "runner/tile_text.h"

namespace weft::runner {
namespace {

/// Taps [begin, end) of group g of the output pixels [first, last), a row of row_length each. Run
/// by run, each for all pixels: what then differs between neighbours is the place alone, so that
/// branches are foreseen.
template <int lanes>
void pack_pixels(const ConvWork& o, int64_t g, int64_t first, int64_t last, int64_t begin,
                 int64_t end, float* rows) {
  const int64_t depth_in = o.channels / o.groups;
  // Neighbours along W lie side by side where nothing is between them: a run is then S C long.
  const bool joined = o.groups == 1 && o.dilation_w == 1;
  const int64_t run_taps = joined ? o.kernel_w : 1, run = run_taps * depth_in;
  for (int64_t at = begin; at < end;) {
    const int64_t number = at / run, offset = at - number * run;
    const int64_t r = joined ? number : number / o.kernel_w;
    const int64_t s = joined ? 0 : number % o.kernel_w;
    const int64_t n = least(run - offset, end - at);
    float* to = rows + (at - begin);
    for (int64_t pixel = first; pixel < last;) {
      const int64_t p = pixel / o.out_width;
      const int64_t h = p * o.stride_h - o.padding_h + r * o.dilation_h;
      const int64_t line_end = least(last, (p + 1) * o.out_width);
      for (; pixel < line_end; ++pixel, to += row_length) {
        const int64_t w = (pixel - p * o.out_width) * o.stride_w - o.padding_w + s * o.dilation_w;
        const float* from = o.x + (h * o.width + w) * o.channels + g * depth_in + offset;
        if (h < 0 || h >= o.height) {
          zero_run(to, n);
        } else if (w >= 0 && w + run_taps <= o.width) {
          copy_run<lanes>(from, to, n);
        } else {  // some of the run's pixels are outside of the map
          for (int64_t i = 0; i < n; ++i) {
            const int64_t column = w + (offset + i) / depth_in;
            to[i] = column >= 0 && column < o.width ? from[i] : 0.0f;
          }
        }
      }
    }
    at += n;
  }
}

/// How weights are packed: taps and channels of a group, and the columns of its panels.
struct Panels {
  int64_t taps, group, columns;
};
template <int lanes>
Panels panels_of(const ConvWork& o) {
  constexpr int64_t wide = 2 * lanes;
  const int64_t group = o.outs / o.groups, rest = group % wide;
  return {o.kernel_h * o.kernel_w * (o.channels / o.groups), group,
          group - rest +
              (rest == 0       ? 0
               : rest <= lanes ? lanes
                               : wide)};
}

/// All panels of group g from output pixel `first` on, for taps from k on; `start`: they begin with the
/// bias, `end`: what follows the sums is done. p says the rest.
template <int lanes, int tile_rows, bool packed = true>
__attribute__((noinline)) void all_panels(const ConvWork& o, const Panels& n, int64_t g,
                                          int64_t first, int64_t k, bool start, bool end,
                                          PanelWork p) {
  constexpr int64_t wide = 2 * lanes;
  const int64_t taps = p.rows.runs * p.rows.taps;
  p.step = o.outs;
  p.relu = end && o.relu;
  for (int64_t c = 0; c < n.group; c += wide) {
    const bool one = n.group - c <= lanes;
    const int64_t channel = g * n.group + c, at = first * o.outs + channel;
    p.channels = least(one ? lanes : wide, n.group - c);
    p.bias = start ? o.bias + channel : nullptr;
    p.y = o.y + at;
    p.residual = end && o.residual ? o.residual + at : nullptr;
    // Panels before this one hold `taps` rows of their columns.
    const float* weights = o.weights + g * n.taps * n.columns + k * wide;
    p.weights = weights + c * n.taps - (one ? k * lanes : 0);
    // After the last one the first with the next block of taps.
    p.next = weights + (c + wide < n.group ? (c + wide) * n.taps : taps * wide);
    if (!one)
      panel<lanes, tile_rows, 2, packed>(p);
    else if constexpr (packed)
      panel<lanes, tile_rows, 1, true>(p);
  }
}

/// Output rows whose input, with its padding, fits into scratch.
inline int64_t rows_at_once(const ConvWork& o) {
  const int64_t line = (o.width + 2 * o.padding_w) * o.channels;
  return (block_pixels * row_length / line - (o.kernel_h - 1) * o.dilation_h - 2) / o.stride_h + 1;
}

/// Output pixels [begin, end), every tap.
template <int lanes, int tile_rows>
void conv_whole(const ConvWork& o, int64_t begin, int64_t end, float* scratch) {
  const Panels n = panels_of<lanes>(o);
  // Blocks of nearly one size, as tiles.
  const int64_t blocks = (end - begin + block_pixels - 1) / block_pixels;
  for (int64_t g = 0; g < o.groups; ++g)
    for (int64_t b = 0; b < blocks; ++b) {
      PanelWork p{};
      const int64_t first = begin + (end - begin) * b / blocks;
      p.pixels = begin + (end - begin) * (b + 1) / blocks - first;
      p.lines = 1;
      for (int64_t k = 0; k < n.taps; k += depth) {
        const int64_t taps = least(depth, n.taps - k);
        p.rows = {scratch, row_length, 1, 0, taps};
        pack_pixels<lanes>(o, g, first, first + p.pixels, k, k + taps, scratch);
        all_panels<lanes, tile_rows>(o, n, g, first, k, k == 0, k + taps == n.taps, p);
      }
    }
}

/// Output rows [begin, end), every tap, from rows copied with their padding: neighbours along W then lie
/// side by side for every pixel, and nothing else is packed. One group, no dilation along W.
template <int lanes, int tile_rows>
void conv_from_rows(const ConvWork& o, int64_t begin, int64_t end, float* scratch) {
  const Panels n = panels_of<lanes>(o);
  const int64_t line = (o.width + 2 * o.padding_w) * o.channels, edge = o.padding_w * o.channels;
  const int64_t run = o.kernel_w * o.channels, runs = depth / run;
  const int64_t most = rows_at_once(o);
  const int64_t blocks = (end - begin + most - 1) / most;
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t top = begin + (end - begin) * b / blocks;
    const int64_t bottom = begin + (end - begin) * (b + 1) / blocks;
    const int64_t first = top * o.stride_h - o.padding_h;
    const int64_t lines = (bottom - top - 1) * o.stride_h + (o.kernel_h - 1) * o.dilation_h + 1;
    for (int64_t i = 0; i < lines; ++i) {
      float* to = scratch + i * line;
      const bool there = first + i >= 0 && first + i < o.height;
      const float* from = o.x + (first + i) * o.width * o.channels;
      if (there) copy_run<lanes>(from, to + edge, o.width * o.channels);
      zero_run(to, there ? edge : line);
      zero_run(to + line - edge, edge);
    }
    PanelWork p{};
    p.pixels = p.pitch = o.out_width;
    p.lines = bottom - top;
    p.line_step = o.stride_h * line;
    for (int64_t r = 0; r < o.kernel_h; r += runs) {
      const int64_t some = least(runs, o.kernel_h - r);
      p.rows = {scratch + r * o.dilation_h * line, o.stride_w * o.channels, some,
                o.dilation_h * line, run};
      all_panels<lanes, tile_rows, false>(o, n, 0, top * o.out_width, r * run, r == 0,
                                          r + some == o.kernel_h, p);
    }
  }
}

/// Outputs [from, to) whose input, i stride - padding + shift, is in the map.
struct Inside {
  int64_t from, to;
};
inline Inside inside(int64_t outs, int64_t extent, int64_t stride, int64_t padding, int64_t shift) {
  const int64_t low = padding - shift,
                high = extent - 1 + padding - shift;  // low <= i stride <= high
  const int64_t from = low <= 0 ? 0 : (low + stride - 1) / stride;
  const int64_t to = high < 0 ? 0 : high / stride + 1;
  return {from, to < outs ? (to > from ? to : from) : outs > from ? outs : from};
}
inline Inside rows_inside(const ConvWork& o, int64_t r) {
  return inside(o.out_height, o.height, o.stride_h, o.padding_h, r * o.dilation_h);
}
inline Inside columns_inside(const ConvWork& o, int64_t s) {
  return inside(o.out_width, o.width, o.stride_w, o.padding_w, s * o.dilation_w);
}

/// Output rows [begin, end), tap by tap, for the pixels alone that the tap sees inside the map: under
/// a large dilation a third of them may be left.
template <int lanes, int tile_rows>
void conv_by_taps(const ConvWork& o, int64_t begin, int64_t end, float* scratch) {
  const Panels n = panels_of<lanes>(o);
  const int64_t depth_in = o.channels / o.groups, most_rows = block_pixels / o.out_width;
  const int64_t blocks = (end - begin + most_rows - 1) / most_rows;
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t top = begin + (end - begin) * b / blocks;
    const int64_t bottom = begin + (end - begin) * (b + 1) / blocks;
    const int64_t pixels = (bottom - top) * o.out_width;
    float* y = o.y + top * o.out_width * o.outs;
    for (int64_t i = 0; i < pixels; ++i)
      for (int64_t c = 0; c < o.outs; ++c) y[i * o.outs + c] = o.bias[c];
    for (int64_t tap = 0; tap < o.kernel_h * o.kernel_w; ++tap) {
      const Inside h = rows_inside(o, tap / o.kernel_w), w = columns_inside(o, tap % o.kernel_w);
      const int64_t from = h.from > top ? h.from : top, to = least(h.to, bottom);
      const int64_t wide = w.to - w.from;
      if (from >= to || wide <= 0) continue;
      for (int64_t g = 0; g < o.groups; ++g)
        for (int64_t c = 0; c < depth_in; c += depth) {
          const int64_t k = tap * depth_in + c;
          const int64_t first = from * o.out_width + w.from, taps = least(depth, depth_in - c);
          PanelWork p{};
          p.pixels = wide;
          p.lines = to - from;
          p.pitch = o.out_width;
          p.line_step = wide * row_length;
          p.rows = {scratch, row_length, 1, 0, taps};
          for (int64_t line = 0; line < p.lines; ++line) {
            const int64_t at = first + line * p.pitch;
            pack_pixels<lanes>(o, g, at, at + wide, k, k + taps, scratch + line * p.line_step);
          }
          all_panels<lanes, tile_rows>(o, n, g, first, k, false, false, p);
        }
    }
    finish_rows<0>(y, o.residual ? o.residual + top * o.out_width * o.outs : nullptr, o.relu,
                   pixels, o.outs, o.outs);
  }
}

template <int lanes, int tile_rows>
void conv(const ConvWork& o, int64_t begin, int64_t end, float* scratch) {
  int64_t rows = 0, columns = 0;
  for (int64_t r = 0; r < o.kernel_h; ++r) rows += rows_inside(o, r).to - rows_inside(o, r).from;
  for (int64_t s = 0; s < o.kernel_w; ++s)
    columns += columns_inside(o, s).to - columns_inside(o, s).from;
  const int64_t all = o.kernel_h * o.kernel_w * o.out_height * o.out_width;
  // A tap alone has to be worth a pass over the outputs.
  const bool sparse = 10 * rows * columns < 9 * all && o.channels / o.groups >= 64;
  // For vectors of 4 it is nearly level, and code that 2 MB have no room for.
  const bool narrow = lanes > 4 && o.groups == 1 && o.dilation_w == 1 && o.kernel_w > 1 &&
                      o.kernel_w * o.channels <= depth && rows_at_once(o) > 3 &&
                      o.out_width >= tile_rows && panels_of<lanes>(o).columns % (2 * lanes) == 0;
  if (narrow)
    conv_from_rows<lanes, tile_rows>(o, begin, end, scratch);
  else if (sparse && o.out_width <= block_pixels)
    conv_by_taps<lanes, tile_rows>(o, begin, end, scratch);
  else
    conv_whole<lanes, tile_rows>(o, begin * o.out_width, end * o.out_width, scratch);
}

}  // namespace
}  // namespace weft::runner
