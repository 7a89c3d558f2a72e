// rms_norm on the CPU: row by row; a row's sums are taken in T over pieces of sum_chunk, and those
// added in double. dweight is a sum over rows, in fixed chunks of them.
#include "ops/rms_norm.h"

#include <algorithm>
#include <cmath>

#include "engine/reduce_tree.h"
#include "ops/softmax_rows.h"

namespace weft::kernels {
namespace {

constexpr int64_t column_chunk = 128;  // rows summed one after the other

int64_t rows_of(const Shape& x) { return x.outer(x.rank() - 1); }

/// The mean of f(i) over 0 .. width - 1.
template <class T, class F>
double row_mean(int64_t width, F&& f) {
  double sum = 0;
  for (int64_t from = 0; from < width; from += sum_chunk)
    sum += static_cast<double>(
        row_sum<T>(std::min(sum_chunk, width - from), [&](int64_t i) { return f(from + i); }));
  return sum / static_cast<double>(width);
}

}  // namespace

template <class T>
void rms_norm_forward(CpuContext& ctx, View<const T> x, View<const stat_t<T>> weight, double eps,
                      View<stat_t<T>> r, View<T> y) {
  const int64_t width = x.shape.back();
  for_rows(ctx, rows_of(x.shape), width, [&](int64_t row) {
    const T* __restrict v = x.data + row * width;
    T* __restrict out = y.data + row * width;
    const double square = row_mean<T>(width, [&](int64_t i) { return v[i] * v[i]; });
    const T scale = static_cast<T>(1 / std::sqrt(square + eps));
    r[row] = scale;
    for (int64_t i = 0; i < width; ++i) out[i] = v[i] * scale * weight[i];
  });
}

template <class T>
void rms_norm_backward_input(CpuContext& ctx, View<const T> x, View<const stat_t<T>> weight,
                             View<const stat_t<T>> r, View<const T> dy, View<T> dx) {
  const int64_t width = x.shape.back();
  for_rows(ctx, rows_of(x.shape), width, [&](int64_t row) {
    const T* __restrict v = x.data + row * width, * __restrict d = dy.data + row * width;
    T* __restrict out = dx.data + row * width;
    const T scale = r[row];
    const double dot = row_mean<T>(width, [&](int64_t i) { return d[i] * weight[i] * v[i]; });
    const T slope = static_cast<T>(dot) * scale * scale;
    for (int64_t i = 0; i < width; ++i) out[i] = scale * (d[i] * weight[i] - v[i] * slope);
  });
}

template <class T>
void rms_norm_backward_weight(CpuContext& ctx, View<const T> x, View<const stat_t<T>> r,
                              View<const T> dy, View<stat_t<T>> dweight) {
  const int64_t width = x.shape.back(), rows = rows_of(x.shape);
  const int64_t chunks = std::max<int64_t>(1, (rows + column_chunk - 1) / column_chunk);
  const Tensor parts = Tensor::empty({chunks, width}, dtype_of<T>(), ctx.memory());
  T* sums = parts.data<T>();
  std::fill_n(sums, chunks * width, T(0));
  ctx.for_chunks(rows, column_chunk, [&](int64_t begin, int64_t end) {
    T* __restrict sum = sums + begin / column_chunk * width;
    for (int64_t row = begin; row < end; ++row) {
      const T* __restrict v = x.data + row * width, * __restrict d = dy.data + row * width;
      const T scale = r[row];
      for (int64_t i = 0; i < width; ++i) sum[i] += d[i] * (v[i] * scale);
    }
  });
  combine_pairwise(sums, chunks, width);
  std::copy_n(sums, width, dweight.data);
}

#define WEFT_INSTANTIATE(T)                                                                     \
  template void rms_norm_forward<T>(CpuContext&, View<const T>, View<const T>, double, View<T>, \
                                    View<T>);                                                   \
  template void rms_norm_backward_input<T>(CpuContext&, View<const T>, View<const T>,           \
                                           View<const T>, View<const T>, View<T>);              \
  template void rms_norm_backward_weight<T>(CpuContext&, View<const T>, View<const T>,          \
                                            View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
