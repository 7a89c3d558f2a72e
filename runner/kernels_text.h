// The kernels for vectors of `lanes` floats and tiles of `tile_rows` pixels; see kernels.h. Included by one
// file for each instruction set, which compiles it with that set's flags: so nothing here may be
// shared between them, and no header with inline functions is included.
#pragma once

#include "runner/kernels.h"

namespace weft::runner {
namespace {

inline constexpr int64_t depth = 256;  ///< taps that are packed at once
inline constexpr int64_t row_length =
    depth + 16;  ///< floats of a packed row, with room to overshoot
/// Packed at once: with their outputs in the L2 cache.
inline constexpr int64_t block_pixels = 336;
/// After so many taps one more cache line of what is read next is brought nearer.
inline constexpr int64_t taps_a_line = 8;

inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/// n floats, and up to lanes - 1 more.
template <int lanes>
void copy_run(const float* from, float* to, int64_t n) {
  typedef float Part __attribute__((vector_size(4 * lanes), aligned(4), may_alias));
  for (int64_t i = 0; i < n; i += lanes)
    *reinterpret_cast<Part*>(to + i) = *reinterpret_cast<const Part*>(from + i);
}
inline void zero_run(float* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = 0;
}

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

/// R pixels x V vectors: sums over the taps, and `start` [V] (the bias) or, where null, y itself.
/// Meanwhile y and `next`, what is read soon, are brought nearer: neither comes in an order that
/// processors foresee. `next` may point behind everything: what is not there is not fetched.
template <int lanes, int V, int R>
void tile(const float* x, const float* weights, int64_t taps, const float* start, float* y,
          int64_t step, const float* next) {
  typedef float Vec __attribute__((vector_size(4 * lanes), aligned(4), may_alias));
  Vec sum[R][V];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      sum[i][v] = Vec{};
      __builtin_prefetch(y + i * step + v * lanes, 1, 3);
    }
  for (int64_t k = 0; k < taps; next += 16) {
    __builtin_prefetch(next, 0, 2);
    for (const int64_t end = least(k + taps_a_line, taps); k < end; ++k, weights += lanes * V) {
      Vec w[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) w[v] = *reinterpret_cast<const Vec*>(weights + v * lanes);
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
        const Vec a = x[i * row_length + k] - Vec{};
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sum[i][v] += a * w[v];
      }
    }
  }
  const float* from = start ? start : y;
  const int64_t from_step = start ? 0 : step;
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v)
      *reinterpret_cast<Vec*>(y + i * step + v * lanes) =
          *reinterpret_cast<const Vec*>(from + i * from_step + v * lanes) + sum[i][v];
}

/// rows x n floats.
void copy_rows(const float* from, int64_t from_step, float* to, int64_t to_step, int64_t rows,
               int64_t n) {
  for (int64_t i = 0; i < rows; ++i, from += from_step, to += to_step)
    for (int64_t c = 0; c < n; ++c) to[c] = from[c];
}

/// y = max(y + residual, 0), each where it is asked for.
inline void finish_rows(float* y, const float* residual, bool relu, int64_t rows, int64_t n,
                        int64_t step) {
  for (int64_t i = 0; i < rows; ++i, y += step) {
    if (residual) {
      for (int64_t c = 0; c < n; ++c) y[c] += residual[c];
      residual += step;
    }
    if (relu)
      for (int64_t c = 0; c < n; ++c) y[c] = y[c] < 0 ? 0.0f : y[c];
  }
}

template <int lanes, int V, int R>
void tile_of(int64_t rows, const float* x, const float* weights, int64_t taps, const float* start,
             float* y, int64_t step, const float* next) {
  if (rows == R)
    tile<lanes, V, R>(x, weights, taps, start, y, step, next);
  else if constexpr (R > 1)
    tile_of<lanes, V, R - 1>(rows, x, weights, taps, start, y, step, next);
}

/// Of one panel of channels and one block of packed taps the output pixels of some lines: `pixels` from
/// `first` on, as many `pitch` pixels further, and so on.
struct PanelWork {
  int64_t first, pixels, lines, pitch;
  const float *rows, *weights, *bias;  ///< bias: null after the first block of taps
  const float* next;                   ///< the weights of the next panel
  int64_t taps, channel, channels;
  bool ends;  ///< the last block of taps
};

template <int lanes, int tile_rows, int V>
void panel(const ConvWork& o, const PanelWork& p) {
  constexpr int64_t wide = lanes * V;
  float start[wide], edge[tile_rows * wide];  // edge: where channels end before the vectors do
  const bool whole = p.channels == wide, ends = p.ends && (o.residual || o.relu);
  if (p.bias)
    for (int64_t i = 0; i < wide; ++i) start[i] = i < p.channels ? p.bias[i] : 0.0f;
  const int64_t tiles = (p.pixels + tile_rows - 1) / tile_rows;
  const float* next = p.next;
  for (int64_t line = 0; line < p.lines; ++line)
    for (int64_t t = 0; t < tiles; ++t, next += 16 * (p.taps / taps_a_line)) {
      // Tiles of nearly one height, rather than full ones and a low one.
      const int64_t from = p.pixels * t / tiles, rows = p.pixels * (t + 1) / tiles - from;
      const int64_t at = (p.first + line * p.pitch + from) * o.outs + p.channel;
      const float* x = p.rows + (line * p.pixels + from) * row_length;
      float* y = o.y + at;
      if (!whole && !p.bias) copy_rows(y, o.outs, edge, wide, rows, p.channels);
      tile_of<lanes, V, tile_rows>(rows, x, p.weights, p.taps, p.bias ? start : nullptr,
                                   whole ? y : edge, whole ? o.outs : wide, next);
      if (!whole) copy_rows(edge, wide, y, o.outs, rows, p.channels);
      if (!ends) continue;
      const float* residual = o.residual ? o.residual + at : nullptr;
      if (whole)  // a number of channels that the compiler knows
        finish_rows(y, residual, o.relu, rows, wide, o.outs);
      else
        finish_rows(y, residual, o.relu, rows, p.channels, o.outs);
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

/// All panels of group g, for taps from k on; `first`: they begin with the bias. p says the rest.
template <int lanes, int tile_rows>
void all_panels(const ConvWork& o, const Panels& n, int64_t g, int64_t k, bool first, PanelWork p) {
  constexpr int64_t wide = 2 * lanes;
  for (int64_t c = 0; c < n.group; c += wide) {
    const bool one = n.group - c <= lanes;
    p.channel = g * n.group + c;
    p.channels = least(one ? lanes : wide, n.group - c);
    p.bias = first ? o.bias + p.channel : nullptr;
    // Panels before this one hold `taps` rows of their columns.
    const float* weights = o.weights + g * n.taps * n.columns + k * wide;
    p.weights = weights + c * n.taps - (one ? k * lanes : 0);
    // After the last one the first with the next block of taps.
    p.next = weights + (c + wide < n.group ? (c + wide) * n.taps : p.taps * wide);
    if (one)
      panel<lanes, tile_rows, 1>(o, p);
    else
      panel<lanes, tile_rows, 2>(o, p);
  }
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
      p.first = begin + (end - begin) * b / blocks;
      p.pixels = begin + (end - begin) * (b + 1) / blocks - p.first;
      p.lines = 1;
      p.rows = scratch;
      for (int64_t k = 0; k < n.taps; k += depth) {
        p.taps = least(depth, n.taps - k);
        p.ends = k + p.taps == n.taps;
        pack_pixels<lanes>(o, g, p.first, p.first + p.pixels, k, k + p.taps, scratch);
        all_panels<lanes, tile_rows>(o, n, g, k, k == 0, p);
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
          PanelWork p{};
          p.first = from * o.out_width + w.from;
          p.pixels = wide;
          p.lines = to - from;
          p.pitch = o.out_width;
          p.rows = scratch;
          p.taps = least(depth, depth_in - c);
          for (int64_t line = 0; line < p.lines; ++line) {
            const int64_t first = p.first + line * p.pitch;
            pack_pixels<lanes>(o, g, first, first + wide, k, k + p.taps,
                               scratch + line * wide * row_length);
          }
          all_panels<lanes, tile_rows>(o, n, g, k, false, p);
        }
    }
    finish_rows(y, o.residual ? o.residual + top * o.out_width * o.outs : nullptr, o.relu, pixels,
                o.outs, o.outs);
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
  if (sparse && o.out_width <= block_pixels)
    conv_by_taps<lanes, tile_rows>(o, begin, end, scratch);
  else
    conv_whole<lanes, tile_rows>(o, begin * o.out_width, end * o.out_width, scratch);
}

void max_pool(const PoolWork& o, int64_t row_begin, int64_t row_end) {
  for (int64_t p = row_begin; p < row_end; ++p)
    for (int64_t q = 0; q < o.out_width; ++q) {
      float* y = o.y + (p * o.out_width + q) * o.channels;
      bool first = true;
      for (int64_t r = 0; r < o.kernel; ++r)
        for (int64_t s = 0; s < o.kernel; ++s) {
          const int64_t h = p * o.stride - o.padding + r, w = q * o.stride - o.padding + s;
          if (h < 0 || h >= o.height || w < 0 || w >= o.width) continue;
          const float* x = o.x + (h * o.width + w) * o.channels;
          if (first)
            for (int64_t c = 0; c < o.channels; ++c) y[c] = x[c];
          else
            for (int64_t c = 0; c < o.channels; ++c) y[c] = x[c] > y[c] ? x[c] : y[c];
          first = false;
        }
    }
}

void relu(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] < 0 ? 0.0f : x[i];
}
void add(const float* a, const float* b, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}
void mul(const float* a, const float* b, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
}
void affine(const float* x, const float* scale, const float* shift, float* y, int64_t pixels,
            int64_t channels) {
  for (int64_t i = 0; i < pixels; ++i, x += channels, y += channels)
    for (int64_t c = 0; c < channels; ++c) y[c] = scale[c] * x[c] + shift[c];
}
void scaled(const float* x, float a, float* y, int64_t n, bool add) {
  if (add)
    for (int64_t i = 0; i < n; ++i) y[i] += a * x[i];
  else
    for (int64_t i = 0; i < n; ++i) y[i] = a * x[i];
}

template <int lanes, int tile_rows>
constexpr Kernels kernels_of(const char* name) {
  return {name,
          lanes,
          block_pixels * row_length + slack,
          conv<lanes, tile_rows>,
          max_pool,
          relu,
          add,
          mul,
          affine,
          scaled};
}

}  // namespace
}  // namespace weft::runner
