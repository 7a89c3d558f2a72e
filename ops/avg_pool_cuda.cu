// avg_pool on the GPU: one thread an output element forward, one an input element backward, each
// adding its window, or its windows, in row-major order.
#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "ops/avg_pool.h"
#include "ops/pool_place.cuh"

namespace weft::kernels {

template <class T>
void avg_pool_forward(CudaContext& ctx, View<const T> x, const PoolOptions& o, View<T> y) {
  const PoolSizes in(x.shape), out(y.shape);
  const T* from = x.data;
  T* to = y.data;
  for_each(ctx, "avg_pool", y.numel(), [=] __device__(int64_t i) {
    const PoolPlace at(i, out, 1);
    const PoolSpan rows(at.row, in.height, o), columns(at.column, in.width, o);
    const float by = 1.0F / static_cast<float>(rows.padded * columns.padded);
    float sum = 0;
    for (int r = rows.from; r < rows.to; ++r)
      for (int t = columns.from; t < columns.to; ++t)
        sum +=
            by * load(from + in.element(at.image, rows.start + r, columns.start + t, at.channel));
    store(to + i, sum);
  });
}

template <class T>
void avg_pool_backward(CudaContext& ctx, View<const T> dy, const PoolOptions& o, View<T> dx) {
  const PoolSizes in(dx.shape), out(dy.shape);
  const T* from = dy.data;
  T* to = dx.data;
  for_each(ctx, "avg_pool_backward", dx.numel(), [=] __device__(int64_t i) {
    const PoolPlace at(i, in, 1);
    const PoolReach rows(at.row, out.height, o), columns(at.column, out.width, o);
    float sum = 0;
    for (int p = rows.from; p < rows.to; ++p)
      for (int q = columns.from; q < columns.to; ++q) {
        const int places = PoolSpan(p, in.height, o).padded * PoolSpan(q, in.width, o).padded;
        sum += load(from + out.element(at.image, p, q, at.channel)) / static_cast<float>(places);
      }
    store(to + i, sum);
  });
}

#define WEFT_INSTANTIATE(T)                                                                 \
  template void avg_pool_forward(CudaContext&, View<const T>, const PoolOptions&, View<T>); \
  template void avg_pool_backward(CudaContext&, View<const T>, const PoolOptions&, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
