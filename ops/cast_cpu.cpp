// cast on the CPU: one loop between f32 and f64; the language rounds to nearest even.
#include "ops/cast.h"

namespace weft::kernels {

template <class From, class To>
void cast(CpuContext& ctx, View<const From> x, View<To> y) {
  ctx.for_chunks(y.numel(), pointwise_chunk, [&](int64_t begin, int64_t end) {
    const From* __restrict in = x.data;
    To* __restrict out = y.data;
    for (int64_t i = begin; i < end; ++i) out[i] = static_cast<To>(in[i]);
  });
}

template void cast(CpuContext&, View<const float>, View<float>);
template void cast(CpuContext&, View<const float>, View<double>);
template void cast(CpuContext&, View<const double>, View<float>);
template void cast(CpuContext&, View<const double>, View<double>);

}  // namespace weft::kernels
