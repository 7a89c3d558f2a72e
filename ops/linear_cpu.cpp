// linear on the CPU: three matrix products, and the bias' column sums in fixed chunks.
#include "ops/linear.h"

#include <algorithm>

#include "engine/cpu/gemm.h"
#include "engine/reduce_tree.h"

namespace weft::kernels {
namespace {

constexpr int64_t bias_chunk = 128;  // rows summed one after the other

}  // namespace

template <class T>
void linear_forward(CpuContext& ctx, View<const T> x, View<const T> weight, View<const T> bias,
                    View<T> y) {
  const int64_t out = weight.shape[0], in = weight.shape[1], rows = y.numel() / out;
  gemm_rows<T>(ctx, {y.data, rows, out, out, bias.data}, Layout::along_k,
               {{rows, nullptr, in, {{{x.data, in}, {weight.data, in}}}}});
}

template <class T>
void linear_backward_input(CpuContext& ctx, View<const T> weight, View<const T> dy, View<T> dx) {
  const int64_t out = weight.shape[0], in = weight.shape[1], rows = dx.numel() / in;
  gemm_rows<T>(ctx, {dx.data, rows, in, in}, Layout::along_n,
               {{rows, nullptr, out, {{{dy.data, out}, {weight.data, in}}}}});
}

template <class T>
bool linear_backward_weight(CpuContext& ctx, View<const T> x, View<const T> dy,
                            View<stat_t<T>> dweight) {
  const int64_t out = dweight.shape[0], in = dweight.shape[1], rows = x.numel() / in;
  return gemm_outer<T>(ctx, {out, 1, in, in},
                       {{rows, {dy.data, out}, {{x.data, in}}, dweight.data}});
}

template <class T>
void bias_backward(CpuContext& ctx, View<const T> dy, View<stat_t<T>> dbias) {
  const int64_t width = dbias.numel(), rows = dy.numel() / width;
  const int64_t chunks = std::max<int64_t>(1, (rows + bias_chunk - 1) / bias_chunk);
  const Tensor parts = Tensor::empty({chunks, width}, dtype_of<T>(), ctx.memory());
  T* sums = parts.data<T>();
  if (rows == 0) std::fill_n(sums, width, T{0});
  ctx.for_chunks(rows, bias_chunk, [&](int64_t begin, int64_t end) {
    T* sum = sums + begin / bias_chunk * width;
    std::fill_n(sum, width, T{0});
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < width; ++j) sum[j] += dy.data[i * width + j];
  });
  combine_columns(ctx, sums, chunks, width);
  std::copy_n(sums, width, dbias.data);
}

#define WEFT_LINEAR(T)                                                                         \
  template void linear_forward<T>(CpuContext&, View<const T>, View<const T>, View<const T>,    \
                                  View<T>);                                                    \
  template void linear_backward_input<T>(CpuContext&, View<const T>, View<const T>, View<T>);  \
  template bool linear_backward_weight<T>(CpuContext&, View<const T>, View<const T>, View<T>); \
  template void bias_backward<T>(CpuContext&, View<const T>, View<T>);
WEFT_LINEAR(float)
WEFT_LINEAR(double)
#undef WEFT_LINEAR

}  // namespace weft::kernels
