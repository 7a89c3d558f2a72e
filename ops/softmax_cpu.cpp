// softmax and log_softmax on the CPU, row by row.
#include "ops/softmax.h"

#include "ops/softmax_rows.h"

namespace weft::kernels {
namespace {

/// f(first, width) for every row of t.
template <class T, class F>
void over_rows(CpuContext& ctx, View<T> t, F&& f) {
  const int64_t width = t.shape.back();
  for_rows(ctx, t.shape.outer(t.shape.rank() - 1), width,
           [&](int64_t row) { f(row * width, width); });
}

}  // namespace

template <class T>
void softmax_forward(CpuContext& ctx, View<const T> x, View<T> y) {
  over_rows(ctx, y, [&](int64_t first, int64_t width) {
    const T* __restrict in = x.data + first;
    T* __restrict out = y.data + first;
    const T top = row_max(in, width);
    for (int64_t i = 0; i < width; ++i) out[i] = exp_negative(in[i] - top);
    const T sum = row_sum<T>(width, [&](int64_t i) { return out[i]; });
    for (int64_t i = 0; i < width; ++i) out[i] /= sum;
  });
}

template <class T>
void softmax_backward(CpuContext& ctx, View<const T> y, View<const T> dy, View<T> dx) {
  over_rows(ctx, dx, [&](int64_t first, int64_t width) {
    const T* __restrict p = y.data + first, * __restrict d = dy.data + first;
    T* __restrict out = dx.data + first;
    const T dot = row_sum<T>(width, [&](int64_t i) { return p[i] * d[i]; });
    for (int64_t i = 0; i < width; ++i) out[i] = p[i] * (d[i] - dot);
  });
}

template <class T>
void log_softmax_forward(CpuContext& ctx, View<const T> x, View<T> y) {
  over_rows(ctx, y, [&](int64_t first, int64_t width) {
    const T* __restrict in = x.data + first;
    T* __restrict out = y.data + first;
    const T top = row_max(in, width);
    const T log_sum =
        std::log(row_sum<T>(width, [&](int64_t i) { return exp_negative(in[i] - top); }));
    for (int64_t i = 0; i < width; ++i) out[i] = (in[i] - top) - log_sum;
  });
}

template <class T>
void log_softmax_backward(CpuContext& ctx, View<const T> y, View<const T> dy, View<T> dx) {
  over_rows(ctx, dx, [&](int64_t first, int64_t width) {
    const T* __restrict log_p = y.data + first, * __restrict d = dy.data + first;
    T* __restrict out = dx.data + first;
    const T sum = row_sum<T>(width, [&](int64_t i) { return d[i]; });
    for (int64_t i = 0; i < width; ++i) out[i] = d[i] - exp_negative(log_p[i]) * sum;
  });
}

#define WEFT_INSTANTIATE(T)                                                           \
  template void softmax_forward(CpuContext&, View<const T>, View<T>);                 \
  template void softmax_backward(CpuContext&, View<const T>, View<const T>, View<T>); \
  template void log_softmax_forward(CpuContext&, View<const T>, View<T>);             \
  template void log_softmax_backward(CpuContext&, View<const T>, View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
