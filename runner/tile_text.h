// Products of packed rows of pixels and packed weights, tile by tile, for vectors of `lanes` floats and tiles
// of `tile_rows` pixels: what all convolutions of kernels_text.h end in.
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

/// Where a tile's pixels lie: each `row` floats behind the one before, `runs` runs of `taps` floats, the
/// runs of one pixel `run_step` apart.
struct Rows {
  const float* x;
  int64_t row, runs, run_step, taps;
};

/// R pixels x V vectors: sums over the taps, and `start` [V] (the bias) or, where null, y itself.
/// Meanwhile y and `next`, what is read soon, are brought nearer: neither comes in an order that
/// processors foresee. `next` may point behind everything: what is not there is not fetched.
template <int lanes, int V, int R, bool packed>
void tile(const Rows& from_rows, const float* weights, const float* start, float* y, int64_t step,
          const float* next) {
  typedef float Vec __attribute__((vector_size(4 * lanes), aligned(4), may_alias));
  Vec sum[R][V];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      sum[i][v] = Vec{};
      __builtin_prefetch(y + i * step + v * lanes, 1, 3);
    }
  // Packed, pixels are a number apart that instructions hold. Else there is a pointer to every fifth pixel: the
  // multiples of `row` between them fit into the processor's registers, which 14 do not (3 % of the time).
  constexpr int share = packed ? R : 5, pointers = (R + share - 1) / share;
  const int64_t taps = from_rows.taps, row = packed ? row_length : from_rows.row;
  for (int64_t run = 0; run < from_rows.runs; ++run) {
    const float* x[pointers];
#pragma GCC unroll 4
    for (int i = 0; i < pointers; ++i) {
      x[i] = from_rows.x + run * from_rows.run_step + share * i * row;
      if (!packed) asm("" : "+r"(x[i]));  // or the compiler puts them together again
    }
    for (int64_t k = 0; k < taps; next += 16) {
      __builtin_prefetch(next, 0, 2);
      for (const int64_t end = least(k + taps_a_line, taps); k < end; ++k, weights += lanes * V) {
        Vec w[V];
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) w[v] = *reinterpret_cast<const Vec*>(weights + v * lanes);
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) {
          const Vec a = x[i / share][i % share * row] - Vec{};
#pragma GCC unroll 2
          for (int v = 0; v < V; ++v) sum[i][v] += a * w[v];
        }
#pragma GCC unroll 4
        for (int i = 0; i < pointers; ++i) ++x[i];
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
__attribute__((noinline)) void copy_rows(const float* from, int64_t from_step, float* to,
                                         int64_t to_step, int64_t rows, int64_t n) {
  for (int64_t i = 0; i < rows; ++i, from += from_step, to += to_step)
    for (int64_t c = 0; c < n; ++c) to[c] = from[c];
}

/// y = max(y + residual, 0), each where it is asked for; `known` channels or, where 0, `some`.
template <int64_t known>
__attribute__((noinline)) void finish_rows(float* y, const float* residual, bool relu, int64_t rows,
                                           int64_t some, int64_t step) {
  const int64_t n = known > 0 ? known : some;
  for (int64_t i = 0; i < rows; ++i, y += step) {
    if (residual) {
      for (int64_t c = 0; c < n; ++c) y[c] += residual[c];
      residual += step;
    }
    if (relu)
      for (int64_t c = 0; c < n; ++c) y[c] = y[c] < 0 ? 0.0f : y[c];
  }
}

/// A tile's heights: the next lower one that there is; 0: none. Each is code of its own, so there are
/// fewer where there is less to compute: outputs of one vector, and rows that are not packed.
template <int tile_rows, int V, bool packed>
constexpr int lower(int height) {
  if (V == 1 || !packed) return height < tile_rows ? 0 : V == 1 ? 1 : tile_rows / 2 + 1;
  return height > tile_rows / 2 + 1 || height < 3 ? height - 1 : (height - 1) / 2 * 2;
}
template <int tile_rows, int V, bool packed>
int64_t height_of(int64_t rows) {
  int height = tile_rows;
  while (lower<tile_rows, V, packed>(height) >= rows) height = lower<tile_rows, V, packed>(height);
  return height;
}

template <int lanes, int tile_rows, int V, bool packed, int R = tile_rows>
void tile_of(int64_t height, const Rows& x, const float* weights, const float* start, float* y,
             int64_t step, const float* next) {
  constexpr int below = lower<tile_rows, V, packed>(R);
  if (height == R)
    tile<lanes, V, R, packed>(x, weights, start, y, step, next);
  else if constexpr (below > 0)
    tile_of<lanes, tile_rows, V, packed, below>(height, x, weights, start, y, step, next);
}

/// Of one panel of channels and one block of taps the output pixels of some lines: `pixels` a line, each
/// line `pitch` outputs and `line_step` floats of `rows` behind the one before.
struct PanelWork {
  int64_t pixels, lines, pitch, line_step;
  Rows rows;
  const float *weights, *bias;  ///< bias: null after the first block of taps
  const float* next;            ///< the weights of the next panel
  float* y;                     ///< of the first pixel, this panel's first channel
  const float* residual;        ///< as y; or null
  int64_t step, channels;       ///< of y from pixel to pixel; of this panel
  bool relu;                    ///< as the residual, once all taps are summed
};

template <int lanes, int tile_rows, int V, bool packed>
__attribute__((noinline)) void panel(const PanelWork& p) {
  constexpr int64_t wide = lanes * V;
  // edge: where channels or pixels end before a tile does
  float start[wide], edge[tile_rows * wide];
  const bool full = p.channels == wide, ends = p.residual || p.relu;
  if (p.bias)
    for (int64_t i = 0; i < wide; ++i) start[i] = i < p.channels ? p.bias[i] : 0.0f;
  const int64_t tiles = (p.pixels + tile_rows - 1) / tile_rows;
  const float* next = p.next;
  for (int64_t line = 0; line < p.lines; ++line)
    for (int64_t t = 0; t < tiles; ++t, next += 16 * (p.rows.runs * p.rows.taps / taps_a_line)) {
      // Tiles of nearly one height where there is nearly every height, else full ones and a low one. Rows that
      // make up a height are computed, and dropped in `edge`.
      constexpr bool level = V == 2 && packed;
      const int64_t from = level ? p.pixels * t / tiles : t * tile_rows;
      const int64_t end = level ? p.pixels * (t + 1) / tiles : least(from + tile_rows, p.pixels);
      const int64_t rows = end - from, height = height_of<tile_rows, V, packed>(rows);
      const bool whole = full && rows == height;
      const int64_t at = (line * p.pitch + from) * p.step;
      Rows x = p.rows;
      x.x += line * p.line_step + from * x.row;
      float* y = p.y + at;
      if (!whole && !p.bias) copy_rows(y, p.step, edge, wide, rows, p.channels);
      tile_of<lanes, tile_rows, V, packed>(height, x, p.weights, p.bias ? start : nullptr,
                                           whole ? y : edge, whole ? p.step : wide, next);
      if (!whole) copy_rows(edge, wide, y, p.step, rows, p.channels);
      if (!ends) continue;
      const float* residual = p.residual ? p.residual + at : nullptr;
      if (full)
        finish_rows<wide>(y, residual, p.relu, rows, wide, p.step);
      else
        finish_rows<0>(y, residual, p.relu, rows, p.channels, p.step);
    }
}

}  // namespace
}  // namespace weft::runner
