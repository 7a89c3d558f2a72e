// max_pool on the GPU: forward, a thread owns some neighbouring channels of an output pixel and
// looks through its window in row-major order; backward, of an input pixel, and gathers from the
// windows that chose it, in row-major order. 16 bytes of channels a thread where they are whole and
// aligned, else one. Backward writes dx once and reads dy and the choices once from memory: each
// window is asked by all pixels that it covers, neighbours, which find it in cache.
#include "ops/max_pool.h"
#include "ops/pointwise_cuda.cuh"
#include "ops/pool_place.cuh"

namespace weft::kernels {
namespace {

/// The choices of neighbouring channels, moved at once.
template <int width>
struct alignas(width) Choices {
  uint8_t at[width];
};

template <int width, class T>
void forward(CudaContext& ctx, const T* x, const PoolSizes& in, const PoolOptions& o,
             const PoolSizes& out, int64_t images, T* y, uint8_t* choice) {
  const auto kernel = static_cast<int>(o.kernel);
  for_places(ctx, "max_pool", images, out, width, [=] __device__(const PoolPlace& at) {
    const PoolSpan rows(at.row, in.height, o), columns(at.column, in.width, o);
    float best[width];
    int chosen[width];
    for (int e = 0; e < width; ++e) chosen[e] = -1;
    for (int r = rows.from; r < rows.to; ++r)
      for (int t = columns.from; t < columns.to; ++t) {
        float v[width];
        read(x + in.element(at.image, rows.start + r, columns.start + t, at.channel), v);
#pragma unroll
        for (int e = 0; e < width; ++e) {
          if (chosen[e] >= 0 && !(v[e] > best[e]) && v[e] == v[e]) continue;
          best[e] = v[e];
          chosen[e] = r * kernel + t;
        }
      }
    const int64_t to = out.element(at.image, at.row, at.column, at.channel);
    Choices<width> choices;
#pragma unroll
    for (int e = 0; e < width; ++e) choices.at[e] = static_cast<uint8_t>(chosen[e]);
    write(y + to, best);
    *reinterpret_cast<Choices<width>*>(choice + to) = choices;
  });
}

template <int width, class T>
void backward(CudaContext& ctx, const T* dy, const uint8_t* choice, const PoolSizes& out,
              const PoolOptions& o, const PoolSizes& in, int64_t images, T* dx) {
  const auto kernel = static_cast<int>(o.kernel), stride = static_cast<int>(o.stride),
             padding = static_cast<int>(o.padding);
  for_places(ctx, "max_pool_backward", images, in, width, [=] __device__(const PoolPlace& at) {
    const PoolReach rows(at.row, out.height, o), columns(at.column, out.width, o);
    float sum[width] = {};
    for (int p = rows.from; p < rows.to; ++p)
      for (int q = columns.from; q < columns.to; ++q) {
        const int64_t window = out.element(at.image, p, q, at.channel);
        const int here =
            (at.row - (p * stride - padding)) * kernel + (at.column - (q * stride - padding));
        const auto choices = *reinterpret_cast<const Choices<width>*>(choice + window);
        float d[width];
        read(dy + window, d);
#pragma unroll
        for (int e = 0; e < width; ++e)
          if (choices.at[e] == here) sum[e] += d[e];
      }
    write(dx + in.element(at.image, at.row, at.column, at.channel), sum);
  });
}

/// f(width): the channels of one thread, for a map [.., C] at each of these addresses.
template <class T, class F>
void with_width(int64_t channels, const T* a, const T* b, const uint8_t* choice, F&& f) {
  constexpr int size = Vec<T>::size;
  if (fits_vec(a, channels) && is_aligned(b) && reinterpret_cast<uintptr_t>(choice) % size == 0)
    f(std::integral_constant<int, size>{});
  else
    f(std::integral_constant<int, 1>{});
}

}  // namespace

template <class T>
void max_pool_forward(CudaContext& ctx, View<const T> x, const PoolOptions& o, View<T> y,
                      View<uint8_t> choice) {
  const PoolSizes in(x.shape), out(y.shape);
  with_width<T>(in.channels, x.data, y.data, choice.data, [&](auto width) {
    forward<width>(ctx, x.data, in, o, out, y.shape[0], y.data, choice.data);
  });
}

template <class T>
void max_pool_backward(CudaContext& ctx, View<const T> dy, View<const uint8_t> choice,
                       const PoolOptions& o, View<T> dx) {
  const PoolSizes in(dx.shape), out(dy.shape);
  with_width<T>(in.channels, dx.data, dy.data, choice.data, [&](auto width) {
    backward<width>(ctx, dy.data, choice.data, out, o, in, dx.shape[0], dx.data);
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
