// resize: x [N, H, W, C] to y [N, height, width, C], up or down. Output row o reads input rows
//   nearest   floor(o H / height)
//   bilinear  s = max(0, (o + 1/2) H / height - 1/2): floor(s) and the row after it, weighted by
//             s's fraction (PyTorch's align_corners = false, without antialiasing)
// and columns likewise. dx gathers: each input sums its outputs in order. Retains only the mode.
#pragma once

#include <algorithm>

#include "engine/philox.h"
#include "engine/tape.h"

namespace weft {

enum class Interpolation { nearest, bilinear };

/// The input's own size gives x itself.
Var resize(const Var& x, int64_t height, int64_t width, Interpolation,
           SourceLoc = SourceLoc::here());

/// What one output index reads along one axis: (1 - weight) x[low] + weight x[high].
struct Tap {
  int64_t low, high;
  double weight;
};

WEFT_HD inline Tap resize_tap(Interpolation mode, int64_t index, int64_t in, int64_t out) {
  if (mode == Interpolation::nearest) return {index * in / out, index * in / out, 0.0};
  const double at =
      (static_cast<double>(index) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
  const double from = at < 0 ? 0.0 : at;
  const auto whole = static_cast<int64_t>(from);
  const int64_t low = whole < in ? whole : in - 1, high = low + 1 < in ? low + 1 : low;
  return {low, high, low == high ? 0.0 : from - static_cast<double>(low)};
}

namespace kernels {

template <class T>
void resize_forward(CpuContext&, Interpolation, View<const T> x, View<T> y);
template <class T>
void resize_forward(CudaContext&, Interpolation, View<const T> x, View<T> y);
template <class T>
void resize_backward(CpuContext&, Interpolation, View<const T> dy, View<T> dx);
template <class T>
void resize_backward(CudaContext&, Interpolation, View<const T> dy, View<T> dx);

}  // namespace kernels
}  // namespace weft
