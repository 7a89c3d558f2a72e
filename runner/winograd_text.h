// Winograd's F(4x4, 3x3) for vectors of `lanes` floats: inputs of some tiles are spread into the rows of 36
// matrices v, which are multiplied with the weights', and outputs gathered. See winograd.h, kernels_text.h.
#pragma once

#include "runner/tile_text.h"
#include "runner/winograd.h"

namespace weft::runner {
namespace {

/// The corner of tile `i` among the outputs of one direction: those `dilation` apart are a problem of
/// their own, and problem after problem is cut into tiles of 4.
inline int64_t corner(int64_t i, int64_t outs, int64_t dilation) {
  for (int64_t problem = 0;; ++problem) {
    const int64_t tiles = winograd_tiles(outs, dilation, problem);
    if (i < tiles) return problem + 4 * dilation * i;
    i -= tiles;
  }
}

template <int lanes>
struct Lanes {
  typedef float Vec __attribute__((vector_size(4 * lanes), aligned(4), may_alias));
};

/// v = B^T d along one direction.
template <int lanes>
inline void spread(const typename Lanes<lanes>::Vec (&d)[6], typename Lanes<lanes>::Vec* v,
                   int64_t step) {
  typedef typename Lanes<lanes>::Vec Vec;
  const Vec even_a = d[4] - 2.0f * d[2], odd_a = winograd_a * (d[3] - 2.0f * d[1]);
  const Vec even_b = d[4] - 0.5f * d[2], odd_b = winograd_b * (d[3] - 0.5f * d[1]);
  v[0] = d[0] + d[4] - 2.5f * d[2];
  v[step] = even_a + odd_a;
  v[2 * step] = even_a - odd_a;
  v[3 * step] = even_b + odd_b;
  v[4 * step] = even_b - odd_b;
  v[5 * step] = d[1] + d[5] - 2.5f * d[3];
}

/// y = A^T m along one direction.
template <int lanes>
inline void gather(const typename Lanes<lanes>::Vec (&m)[6], typename Lanes<lanes>::Vec* y,
                   int64_t step) {
  typedef typename Lanes<lanes>::Vec Vec;
  const Vec sum_a = m[1] + m[2], sum_b = m[3] + m[4];
  const Vec part_a = winograd_a * (m[1] - m[2]), part_b = winograd_b * (m[3] - m[4]);
  y[0] = m[0] + sum_a + sum_b;
  y[step] = part_a + part_b;
  y[2 * step] = 0.5f * sum_a + 2.0f * sum_b;
  y[3 * step] = 0.5f * part_a + 2.0f * part_b + m[5];
}

/// The 6 x 6 inputs of the tile at output (h, w) into its rows of the 36 matrices, `plane` apart,
/// blocks of channels `block` apart.
template <int lanes>
void spread_tile(const ConvWork& o, int64_t h, int64_t w, const float* zeros, float* to,
                 int64_t block, int64_t plane) {
  typedef typename Lanes<lanes>::Vec Vec;
  const float* from[36];
  for (int64_t i = 0; i < 36; ++i) {
    const int64_t row = h - o.padding_h + i / 6 * o.dilation_h;
    const int64_t column = w - o.padding_w + i % 6 * o.dilation_w;
    const bool there = row >= 0 && row < o.height && column >= 0 && column < o.width;
    from[i] = there ? o.x + (row * o.width + column) * o.channels : zeros;
  }
  for (int64_t c = 0; c < o.channels; c += lanes) {
    Vec half[36], line[6];
    for (int64_t j = 0; j < 6; ++j) {
#pragma GCC unroll 6
      for (int64_t i = 0; i < 6; ++i) line[i] = *reinterpret_cast<const Vec*>(from[6 * i + j] + c);
      spread<lanes>(line, half + j, 6);
    }
    float* out = to + c / depth * block + c % depth;
    for (int64_t i = 0; i < 6; ++i) {
      Vec v[6];
#pragma GCC unroll 6
      for (int64_t j = 0; j < 6; ++j) line[j] = half[6 * i + j];
      spread<lanes>(line, v, 1);
#pragma GCC unroll 6
      for (int64_t j = 0; j < 6; ++j, out += plane) *reinterpret_cast<Vec*>(out) = v[j];
    }
  }
}

/// The 4 x 4 outputs of a tile at (h, w), `lanes` channels from `channel` on, `n` of which are there.
template <int lanes>
void gather_tile(const ConvWork& o, int64_t h, int64_t w, int64_t channel, int64_t n,
                 const float* from, int64_t plane, const float* bias) {
  typedef typename Lanes<lanes>::Vec Vec;
  Vec half[24], line[6], y[4];
  for (int64_t i = 0; i < 6; ++i) {
#pragma GCC unroll 6
    for (int64_t j = 0; j < 6; ++j, from += plane) line[j] = *reinterpret_cast<const Vec*>(from);
    gather<lanes>(line, half + i, 6);
  }
  const Vec start = *reinterpret_cast<const Vec*>(bias + channel);
  for (int64_t j = 0; j < 4 && w + j * o.dilation_w < o.out_width; ++j) {
#pragma GCC unroll 6
    for (int64_t i = 0; i < 6; ++i) line[i] = half[6 * j + i];
    gather<lanes>(line, y, 1);
    for (int64_t i = 0; i < 4 && h + i * o.dilation_h < o.out_height; ++i) {
      const int64_t pixel = (h + i * o.dilation_h) * o.out_width + w + j * o.dilation_w;
      const int64_t at = pixel * o.outs + channel;
      Vec v = y[i] + start;
      if (o.residual) v += *reinterpret_cast<const Vec*>(o.residual + at);
      if (o.relu) v = v < 0 ? Vec{} : v;
      if (n == lanes)
        *reinterpret_cast<Vec*>(o.y + at) = v;
      else
        for (int64_t k = 0; k < n; ++k) o.y[at + k] = v[k];
    }
  }
}

/// m [36][panel][tile, channels] = v [36, tile, C] u [36][panel][C, channels]; v in blocks of `depth`
/// channels, [36][block][tile, row_length].
template <int lanes, int tile_rows>
void multiply(const WinogradLayout& l, int64_t tiles, const float* v, const float* u,
              const float* zeros, float* m) {
  constexpr int64_t wide = 2 * lanes;
  PanelWork p{};
  p.pixels = tiles;
  p.lines = 1;
  for (int64_t f = 0; f < 36; ++f, v += l.v_plane, m += l.m_plane, u += l.channels * l.columns)
    for (int64_t k = 0; k < l.channels; k += depth) {
      const int64_t taps = least(depth, l.channels - k);
      p.rows = {v + k / depth * l.block * row_length, row_length, 1, 0, taps};
      p.bias = k == 0 ? zeros : nullptr;
      for (int64_t c = 0; c < l.columns; c += wide) {
        p.channels = p.step = least(wide, l.columns - c);
        p.y = m + c * tiles;
        p.weights = u + c * l.channels + k * p.channels;
        p.next = p.weights + l.channels * p.channels;
        if (p.channels == wide)
          panel<lanes, tile_rows, 2, true>(p);
        else
          panel<lanes, tile_rows, 1, true>(p);
      }
    }
}

template <int lanes, int tile_rows>
void winograd(const ConvWork& o, const WinogradLayout& l, int64_t begin, int64_t end,
              float* scratch) {
  constexpr int64_t wide = 2 * lanes;
  float* zeros = scratch;
  float* bias = zeros + l.zeros;
  float* v = bias + l.columns;
  float* m = v + 36 * l.v_plane;
  zero_run(zeros, l.zeros);
  for (int64_t i = 0; i < l.columns; ++i) bias[i] = i < o.outs ? o.bias[i] : 0.0f;
  const int64_t blocks = (end - begin + l.block - 1) / l.block;
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t first = begin + (end - begin) * b / blocks;
    const int64_t tiles = begin + (end - begin) * (b + 1) / blocks - first;
    const auto corner_of = [&](int64_t t, int64_t* h, int64_t* w) {
      *h = corner((first + t) / l.across, o.out_height, o.dilation_h);
      *w = corner((first + t) % l.across, o.out_width, o.dilation_w);
    };
    int64_t h, w;
    for (int64_t t = 0; t < tiles; ++t) {
      corner_of(t, &h, &w);
      spread_tile<lanes>(o, h, w, zeros, v + t * row_length, l.block * row_length, l.v_plane);
    }
    multiply<lanes, tile_rows>(l, tiles, v, o.weights, zeros, m);
    for (int64_t t = 0; t < tiles; ++t) {
      corner_of(t, &h, &w);
      for (int64_t c = 0; c < o.outs; c += lanes) {
        // Panels before this one hold a row of their columns for each tile.
        const int64_t in = c % wide, panel_at = c - in, width = least(wide, l.columns - panel_at);
        gather_tile<lanes>(o, h, w, c, least(lanes, o.outs - c),
                           m + panel_at * tiles + t * width + in, l.m_plane, bias);
      }
    }
  }
}

}  // namespace
}  // namespace weft::runner
