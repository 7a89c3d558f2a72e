// linear with few outputs on the GPU, such as the last 1x1 of a head of normals or depth: one pass
// over what is long, at memory's rate. Where a row of y is no multiple of 16 bytes, cuBLAS multiplies
// by kernels for unaligned rows, which take four times as long and more (docs/performance.md).
//   forward y [rows, K] = x weight^T + bias: reads x [rows, C] once, weight [K, C] from cache
//   backward_input dx [rows, C] = dy weight: writes dx once; dy [rows, K] is short
//   backward_weight dweight [K, C] = dy^T x: reads x once
// Sums are of f32, factors not rounded to TF32, and orders follow from the sizes alone.
#pragma once

#include "engine/cuda/context.h"
#include "engine/tensor.h"

namespace weft::narrow_linear {

/// K is at most this.
constexpr int64_t most_outputs = 8;

/// Whether products of `out` outputs are for these kernels and not for cuBLAS: the one place that
/// says so.
template <class T>
bool takes(int64_t out) {
  return out <= most_outputs && out * static_cast<int64_t>(sizeof(T)) % 16 != 0;
}

/// Any K up to most_outputs. bias.data may be null.
template <class T>
void forward(CudaContext&, View<const T> x, View<const T> weight, View<const T> bias, View<T> y);
template <class T>
void backward_input(CudaContext&, View<const T> weight, View<const T> dy, View<T> dx);
template <class T>
void backward_weight(CudaContext&, View<const T> x, View<const T> dy, View<float> dweight);

}  // namespace weft::narrow_linear
