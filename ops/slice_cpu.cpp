// slice on the CPU: strips of x into y; back again, the same strips of dx and zeros between them.
#include "ops/slice.h"
#include "ops/strips.h"

namespace weft::kernels {

template <class T>
void slice_forward(CpuContext& ctx, View<const T> x, int axis, int64_t begin, View<T> y) {
  for_strips(ctx, Strips(y.shape, x.shape, axis, begin), [&](int64_t to, int64_t from, int64_t n) {
    std::memcpy(y.data + to, x.data + from, static_cast<size_t>(n) * sizeof(T));
  });
}

template <class T>
void slice_backward(CpuContext& ctx, View<const T> dy, int axis, int64_t begin, View<T> dx) {
  const auto clear = [&](int64_t first, int64_t extent) {  // indices first .. of the axis
    Shape part = dx.shape;
    part.set(axis, extent);
    for_strips(ctx, Strips(part, dx.shape, axis, first), [&](int64_t, int64_t to, int64_t n) {
      std::fill(dx.data + to, dx.data + to + n, T(0));
    });
  };
  const int64_t end = begin + dy.shape[axis];
  clear(0, begin);
  for_strips(ctx, Strips(dy.shape, dx.shape, axis, begin),
             [&](int64_t from, int64_t to, int64_t n) {
               std::memcpy(dx.data + to, dy.data + from, static_cast<size_t>(n) * sizeof(T));
             });
  clear(end, dx.shape[axis] - end);
}

template void slice_forward(CpuContext&, View<const float>, int, int64_t, View<float>);
template void slice_forward(CpuContext&, View<const double>, int, int64_t, View<double>);
template void slice_backward(CpuContext&, View<const float>, int, int64_t, View<float>);
template void slice_backward(CpuContext&, View<const double>, int, int64_t, View<double>);

}  // namespace weft::kernels
