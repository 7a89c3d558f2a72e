// max_pool on the GPU: one thread an output element forward, which looks through its window in
// row-major order; one an input element backward, which gathers from the windows that chose it.
// Neighbouring threads own neighbouring channels.
#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "ops/max_pool.h"
#include "ops/pool_place.cuh"

namespace weft::kernels {

template <class T>
void max_pool_forward(CudaContext& ctx, View<const T> x, const PoolOptions& o, View<T> y,
                      View<uint8_t> choice) {
  const PoolSizes in(x.shape), out(y.shape);
  const T* from = x.data;
  T* to = y.data;
  uint8_t* chosen = choice.data;
  for_each(ctx, "max_pool", y.numel(), [=] __device__(int64_t i) {
    const PoolPlace at(i, out);
    const PoolWindow rows(at.row, in.height, o), columns(at.column, in.width, o);
    float best = 0;
    int64_t here = -1;
    for (int64_t r = rows.from; r < rows.to; ++r)
      for (int64_t t = columns.from; t < columns.to; ++t) {
        const float v =
            load(from + in.element(at.image, rows.start + r, columns.start + t, at.channel));
        if (here < 0 || v > best || v != v) {
          best = v;
          here = r * o.kernel + t;
        }
      }
    store(to + i, best);
    chosen[i] = static_cast<uint8_t>(here);
  });
}

template <class T>
void max_pool_backward(CudaContext& ctx, View<const T> dy, View<const uint8_t> choice,
                       const PoolOptions& o, View<T> dx) {
  const PoolSizes in(dx.shape), out(dy.shape);
  const T* from = dy.data;
  T* to = dx.data;
  const uint8_t* chosen = choice.data;
  for_each(ctx, "max_pool_backward", dx.numel(), [=] __device__(int64_t at_input) {
    const PoolPlace at(at_input, in);
    const PoolCover rows(at.row, out.height, o), columns(at.column, out.width, o);
    float sum = 0;
    for (int64_t i = rows.from; i < rows.to; ++i)
      for (int64_t j = columns.from; j < columns.to; ++j) {
        const int64_t window = out.element(at.image, i, j, at.channel);
        const int64_t r = at.row - (i * o.stride - o.padding);
        const int64_t t = at.column - (j * o.stride - o.padding);
        if (chosen[window] == r * o.kernel + t) sum += load(from + window);
      }
    store(to + at_input, sum);
  });
}

#define WEFT_INSTANTIATE(T)                                                                \
  template void max_pool_forward(CudaContext&, View<const T>, const PoolOptions&, View<T>, \
                                 View<uint8_t>);                                           \
  template void max_pool_backward(CudaContext&, View<const T>, View<const uint8_t>,        \
                                  const PoolOptions&, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
