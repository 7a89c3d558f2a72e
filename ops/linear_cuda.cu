// linear on the GPU: three products by cuBLAS, which adds the bias as it writes y. Where it cannot,
// the bias is written into y's rows, on which the product is added. The bias' gradient is a sum
// over rows in the fixed tree of ops/reduce. A few outputs are not for cuBLAS
// (ops/linear_narrow_cuda.cuh). In f32x6 a large product is a convolution of 1x1 over a row of pixels,
// by Hopper's kernels (ops/conv2d_hopper_split_cuda.cuh).
#include "engine/cuda/gemm.h"
#include "ops/conv2d_tensor_cuda.cuh"
#include "ops/linear.h"
#include "ops/linear_narrow_cuda.cuh"
#include "ops/reduce.h"

namespace weft::kernels {
namespace {

/// Multiply-adds from which on taking the factors apart pays: 3 us of cuBLAS's f32.
constexpr int64_t large = int64_t{1} << 26;

template <class T>
bool splits(const CudaContext& ctx, int64_t rows, int64_t in, int64_t out) {
  return hopper_conv::splits<T>(ctx) && rows > 0 && rows * in * out >= large;
}

Conv2dShape row_of_pixels(int64_t rows, int64_t in, int64_t out) {
  return Conv2dShape({1, 1, rows, in}, {out, 1, 1, in}, {});
}

}  // namespace

template <class T>
void linear_forward(CudaContext& ctx, View<const T> x, View<const T> weight, View<const T> bias,
                    View<T> y) {
  const int64_t out = weight.shape[0], in = weight.shape[1], rows = y.numel() / out;
  if (narrow_linear::takes<T>(out)) return narrow_linear::forward<T>(ctx, x, weight, bias, y);
  if (splits<T>(ctx, rows, in, out) &&
      hopper_conv::forward<T>(ctx, row_of_pixels(rows, in, out), x, weight, bias, y))
    return;
  if (bias.data != nullptr) {
    if (gemm_bias<T>(ctx, rows, out, in, {x.data, in}, {weight.data, in, true}, bias.data, y.data,
                     out))
      return;
    expand<T>(ctx, bias, 1, y);
  }
  gemm<T>(ctx, rows, out, in, {x.data, in}, {weight.data, in, true}, bias.data != nullptr ? 1 : 0,
          y.data, out);
}

template <class T>
void linear_backward_input(CudaContext& ctx, View<const T> weight, View<const T> dy, View<T> dx) {
  const int64_t out = weight.shape[0], in = weight.shape[1], rows = dx.numel() / in;
  if (narrow_linear::takes<T>(out)) return narrow_linear::backward_input<T>(ctx, weight, dy, dx);
  if (splits<T>(ctx, rows, in, out) &&
      hopper_conv::backward_input<T>(ctx, row_of_pixels(rows, in, out),
                                     {weight.data, {out, 1, 1, in}}, dy, dx))
    return;
  gemm<T>(ctx, rows, in, out, {dy.data, out}, {weight.data, in}, 0, dx.data, in);
}

template <class T>
void linear_backward_weight(CudaContext& ctx, View<const T> x, View<const T> dy,
                            View<stat_t<T>> dweight) {
  const int64_t out = dweight.shape[0], in = dweight.shape[1], rows = x.numel() / in;
  if (narrow_linear::takes<T>(out)) return narrow_linear::backward_weight<T>(ctx, x, dy, dweight);
  if (splits<T>(ctx, rows, in, out) &&
      hopper_conv::backward_weight<T>(ctx, row_of_pixels(rows, in, out), x, dy, dweight))
    return;
  gemm<T>(ctx, out, in, rows, {dy.data, out, true}, {x.data, in}, 0, dweight.data, in);
}

template <class T>
void bias_backward(CudaContext& ctx, View<const T> dy, View<stat_t<T>> dbias) {
  const int64_t width = dbias.numel();
  sum_middle<T>(ctx, dy, 1, dy.numel() / width, width, 1, dbias);
}

#define WEFT_LINEAR(T)                                                                         \
  template void linear_forward<T>(CudaContext&, View<const T>, View<const T>, View<const T>,   \
                                  View<T>);                                                    \
  template void linear_backward_input<T>(CudaContext&, View<const T>, View<const T>, View<T>); \
  template void linear_backward_weight<T>(CudaContext&, View<const T>, View<const T>,          \
                                          View<float>);                                        \
  template void bias_backward<T>(CudaContext&, View<const T>, View<float>);
WEFT_LINEAR(float)
WEFT_LINEAR(bf16_t)
#undef WEFT_LINEAR

}  // namespace weft::kernels
