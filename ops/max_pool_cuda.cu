// max_pool on the GPU: forward, a thread owns some neighbouring channels of an output pixel and
// looks through its window in row-major order; backward, of an input pixel, and gathers from the
// windows that chose it, in row-major order. Four channels a thread where they divide by four.
#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "ops/max_pool.h"
#include "ops/pool_place.cuh"

namespace weft::kernels {
namespace {

template <int width, class T>
void forward(CudaContext& ctx, const T* x, const PoolSizes& in, const PoolOptions& o,
             const PoolSizes& out, int64_t images, T* y, uint8_t* choice) {
  const auto kernel = static_cast<int>(o.kernel);
  for_each(
      ctx, "max_pool", images * out.pixels() * (out.channels / width), [=] __device__(int64_t i) {
        const PoolPlace at(i, out, width);
        const PoolSpan rows(at.row, in.height, o), columns(at.column, in.width, o);
        float best[width];
        int chosen[width];
        for (int e = 0; e < width; ++e) chosen[e] = -1;
        for (int r = rows.from; r < rows.to; ++r)
          for (int t = columns.from; t < columns.to; ++t) {
            const T* from = x + in.element(at.image, rows.start + r, columns.start + t, at.channel);
#pragma unroll
            for (int e = 0; e < width; ++e) {
              const float v = load(from + e);
              if (chosen[e] >= 0 && !(v > best[e]) && v == v) continue;
              best[e] = v;
              chosen[e] = r * kernel + t;
            }
          }
        const int64_t to = i * width;
#pragma unroll
        for (int e = 0; e < width; ++e) {
          store(y + to + e, best[e]);
          choice[to + e] = static_cast<uint8_t>(chosen[e]);
        }
      });
}

template <int width, class T>
void backward(CudaContext& ctx, const T* dy, const uint8_t* choice, const PoolSizes& out,
              const PoolOptions& o, const PoolSizes& in, int64_t images, T* dx) {
  const auto kernel = static_cast<int>(o.kernel), stride = static_cast<int>(o.stride),
             padding = static_cast<int>(o.padding);
  for_each(ctx, "max_pool_backward", images * in.pixels() * (in.channels / width),
           [=] __device__(int64_t i) {
             const PoolPlace at(i, in, width);
             const PoolReach rows(at.row, out.height, o), columns(at.column, out.width, o);
             float sum[width] = {};
             for (int p = rows.from; p < rows.to; ++p)
               for (int q = columns.from; q < columns.to; ++q) {
                 const int64_t window = out.element(at.image, p, q, at.channel);
                 const int here = (at.row - (p * stride - padding)) * kernel +
                                  (at.column - (q * stride - padding));
#pragma unroll
                 for (int e = 0; e < width; ++e)
                   if (choice[window + e] == here) sum[e] += load(dy + window + e);
               }
#pragma unroll
             for (int e = 0; e < width; ++e) store(dx + i * width + e, sum[e]);
           });
}

}  // namespace

template <class T>
void max_pool_forward(CudaContext& ctx, View<const T> x, const PoolOptions& o, View<T> y,
                      View<uint8_t> choice) {
  const PoolSizes in(x.shape), out(y.shape);
  if (in.channels % 4 == 0)
    forward<4>(ctx, x.data, in, o, out, y.shape[0], y.data, choice.data);
  else
    forward<1>(ctx, x.data, in, o, out, y.shape[0], y.data, choice.data);
}

template <class T>
void max_pool_backward(CudaContext& ctx, View<const T> dy, View<const uint8_t> choice,
                       const PoolOptions& o, View<T> dx) {
  const PoolSizes in(dx.shape), out(dy.shape);
  if (in.channels % 4 == 0)
    backward<4>(ctx, dy.data, choice.data, out, o, in, dx.shape[0], dx.data);
  else
    backward<1>(ctx, dy.data, choice.data, out, o, in, dx.shape[0], dx.data);
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
