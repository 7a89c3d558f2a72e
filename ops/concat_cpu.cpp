// concat on the CPU: strips of x into y.
#include "ops/concat.h"
#include "ops/strips.h"

namespace weft::kernels {

template <class T>
void concat_forward(CpuContext& ctx, View<const T> x, int axis, int64_t begin, View<T> y) {
  for_strips(ctx, Strips(x.shape, y.shape, axis, begin), [&](int64_t from, int64_t to, int64_t n) {
    std::memcpy(y.data + to, x.data + from, static_cast<size_t>(n) * sizeof(T));
  });
}

template void concat_forward(CpuContext&, View<const float>, int, int64_t, View<float>);
template void concat_forward(CpuContext&, View<const double>, int, int64_t, View<double>);

}  // namespace weft::kernels
