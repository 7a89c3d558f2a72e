// avg_pool on the GPU: one thread an output element forward, one an input element backward, each
// adding its window, or its windows, in row-major order.
#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "ops/avg_pool.h"
#include "ops/pool_place.cuh"

namespace weft::kernels {
namespace {

/// 1 / the number of places that the window counts.
__device__ float share(const PoolWindow& rows, const PoolWindow& columns, const PoolSizes& x,
                       const PoolOptions& o) {
  return 1.0F / static_cast<float>(rows.padded(x.height, o) * columns.padded(x.width, o));
}

}  // namespace

template <class T>
void avg_pool_forward(CudaContext& ctx, View<const T> x, const PoolOptions& o, View<T> y) {
  const PoolSizes in(x.shape), out(y.shape);
  const T* from = x.data;
  T* to = y.data;
  for_each(ctx, "avg_pool", y.numel(), [=] __device__(int64_t i) {
    const PoolPlace at(i, out);
    const PoolWindow rows(at.row, in.height, o), columns(at.column, in.width, o);
    const float by = share(rows, columns, in, o);
    float sum = 0;
    for (int64_t r = rows.from; r < rows.to; ++r)
      for (int64_t t = columns.from; t < columns.to; ++t)
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
  for_each(ctx, "avg_pool_backward", dx.numel(), [=] __device__(int64_t at_input) {
    const PoolPlace at(at_input, in);
    const PoolCover rows(at.row, out.height, o), columns(at.column, out.width, o);
    float sum = 0;
    for (int64_t i = rows.from; i < rows.to; ++i)
      for (int64_t j = columns.from; j < columns.to; ++j)
        sum += share(PoolWindow(i, in.height, o), PoolWindow(j, in.width, o), in, o) *
               load(from + out.element(at.image, i, j, at.channel));
    store(to + at_input, sum);
  });
}

#define WEFT_INSTANTIATE(T)                                                                 \
  template void avg_pool_forward(CudaContext&, View<const T>, const PoolOptions&, View<T>); \
  template void avg_pool_backward(CudaContext&, View<const T>, const PoolOptions&, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
