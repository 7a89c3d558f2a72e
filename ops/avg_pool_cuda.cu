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
  for_places(ctx, "avg_pool", y.shape[0], out, 1, [=] __device__(const PoolPlace& at) {
    const PoolSpan rows(at.row, in.height, o), columns(at.column, in.width, o);
    const float by =
        1.0F / static_cast<float>(rows.padded(in.height, o) * columns.padded(in.width, o));
    float sum = 0;
    for (int r = rows.from; r < rows.to; ++r)
      for (int t = columns.from; t < columns.to; ++t)
        sum +=
            by * load(from + in.element(at.image, rows.start + r, columns.start + t, at.channel));
    store(to + out.element(at.image, at.row, at.column, at.channel), sum);
  });
}

template <class T>
void avg_pool_backward(CudaContext& ctx, View<const T> dy, const PoolOptions& o, View<T> dx) {
  const PoolSizes in(dx.shape), out(dy.shape);
  const T* from = dy.data;
  T* to = dx.data;
  for_places(ctx, "avg_pool_backward", dx.shape[0], in, 1, [=] __device__(const PoolPlace& at) {
    const PoolReach rows(at.row, out.height, o), columns(at.column, out.width, o);
    float sum = 0;
    for (int p = rows.from; p < rows.to; ++p)
      for (int q = columns.from; q < columns.to; ++q) {
        const int places = PoolSpan(p, in.height, o).padded(in.height, o) *
                           PoolSpan(q, in.width, o).padded(in.width, o);
        sum += load(from + out.element(at.image, p, q, at.channel)) / static_cast<float>(places);
      }
    store(to + in.element(at.image, at.row, at.column, at.channel), sum);
  });
}

#define WEFT_INSTANTIATE(T)                                                                 \
  template void avg_pool_forward(CudaContext&, View<const T>, const PoolOptions&, View<T>); \
  template void avg_pool_backward(CudaContext&, View<const T>, const PoolOptions&, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
