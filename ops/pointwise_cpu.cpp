// Pointwise kernels on the CPU: one loop each (ops/pointwise_cpu.h), or one a row where operands are
// broadcast.
#include "ops/pointwise_cpu.h"

#include "ops/broadcast.h"
#include "ops/pointwise.h"
#include "ops/pointwise_functors.h"

namespace weft::kernels {

template <class F, class T>
void unary_forward(CpuContext& ctx, F f, View<const T> x, View<T> y) {
  map(
      ctx, y.numel(), [f](T v) { return f.value(v); }, y.data, x.data);
}

template <class F, class T>
void unary_backward(CpuContext& ctx, F f, View<const T> kept, View<const T> dy, View<T> dx) {
  map(
      ctx, dx.numel(), [f](T d, T v) { return f.gradient(d, v); }, dx.data, dy.data, kept.data);
}

template <class F, class T>
void binary_forward(CpuContext& ctx, F f, View<const T> x, View<const T> y, View<T> out) {
  const Broadcast g(x.shape, y.shape);
  const bool x_moves = g.a_stride[g.rank - 1] != 0, y_moves = g.b_stride[g.rank - 1] != 0;
  for_broadcast(ctx, g, [&, f](int64_t at, int64_t x_at, int64_t y_at, int64_t count) {
    const T *a = x.data + x_at, *b = y.data + y_at;  // may be the same bytes
    T* __restrict to = out.data + at;
    if (x_moves && y_moves) {
      for (int64_t i = 0; i < count; ++i) to[i] = f.value(a[i], b[i]);
    } else if (x_moves) {
      const T second = b[0];
      for (int64_t i = 0; i < count; ++i) to[i] = f.value(a[i], second);
    } else {
      const T first = a[0];
      for (int64_t i = 0; i < count; ++i) to[i] = f.value(first, b[i]);
    }
  });
}

#define WEFT_INSTANTIATE_UNARY(F, T)                                              \
  template void unary_forward(CpuContext&, pointwise::F, View<const T>, View<T>); \
  template void unary_backward(CpuContext&, pointwise::F, View<const T>, View<const T>, View<T>);
#define WEFT_INSTANTIATE_BINARY(F, T) \
  template void binary_forward(CpuContext&, pointwise::F, View<const T>, View<const T>, View<T>);
#define WEFT_INSTANTIATE(F, ...) WEFT_INSTANTIATE_UNARY(F, float) WEFT_INSTANTIATE_UNARY(F, double)
WEFT_UNARY_FUNCTORS(WEFT_INSTANTIATE)
#undef WEFT_INSTANTIATE
#define WEFT_INSTANTIATE(F) WEFT_INSTANTIATE_BINARY(F, float) WEFT_INSTANTIATE_BINARY(F, double)
WEFT_BINARY_FUNCTORS(WEFT_INSTANTIATE)

}  // namespace weft::kernels
