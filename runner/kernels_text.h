// The kernels for vectors of `lanes` floats and tiles of `tile_rows` pixels; see kernels.h. Included by one
// file for each instruction set, which compiles it with that set's flags: so nothing here may be
// shared between them, and no header with inline functions is included.
#pragma once

#include "runner/conv_text.h"
#include "runner/winograd_text.h"

namespace weft::runner {
namespace {

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
          depth,
          row_length,
          (block_pixels + tile_rows) * row_length + slack,
          conv<lanes, tile_rows>,
          winograd<lanes, tile_rows>,
          max_pool,
          relu,
          add,
          mul,
          affine,
          scaled};
}

}  // namespace
}  // namespace weft::runner
