// Depthwise conv2d on the CPU. The weight is turned to [R S, K], so that for every tap the loop
// runs over neighbouring channels of one pixel.
#include "ops/conv2d_depthwise.h"

#include <algorithm>

#include "engine/reduce_tree.h"

namespace weft::kernels {
namespace {

/// f(output, channel) for all outputs k and the channel k / m that each reads.
template <class F>
void for_outputs(const Conv2dShape& s, F&& f) {
  if (s.k == s.c) {
    for (int64_t k = 0; k < s.k; ++k) f(k, k);
    return;
  }
  const int64_t m = s.k / s.c;
  for (int64_t c = 0; c < s.c; ++c)
    for (int64_t k = c * m; k < (c + 1) * m; ++k) f(k, c);
}

/// f(tap, input pixel) for every tap of an output pixel that lies inside the image, in order.
template <class F>
void for_taps(const Conv2dShape& s, int64_t pixel, F&& f) {
  const Conv2dOptions& o = s.options;
  const int64_t n = pixel / (s.p * s.q);
  const int64_t top = pixel / s.q % s.p * o.stride.h - o.padding.h;
  const int64_t left = pixel % s.q * o.stride.w - o.padding.w;
  for (int64_t r = 0; r < s.r; ++r)
    for (int64_t t = 0; t < s.s; ++t) {
      const int64_t h = top + r * o.dilation.h, w = left + t * o.dilation.w;
      if (h >= 0 && h < s.h && w >= 0 && w < s.w) f(r * s.s + t, (n * s.h + h) * s.w + w);
    }
}

/// The same for an input pixel and the output pixels that read it.
template <class F>
void for_readers(const Conv2dShape& s, int64_t pixel, F&& f) {
  const Conv2dOptions& o = s.options;
  const int64_t n = pixel / (s.h * s.w), h = pixel / s.w % s.h, w = pixel % s.w;
  for (int64_t r = 0; r < s.r; ++r)
    for (int64_t t = 0; t < s.s; ++t) {
      const int64_t down = h + o.padding.h - r * o.dilation.h;
      const int64_t right = w + o.padding.w - t * o.dilation.w;
      if (down < 0 || right < 0 || down % o.stride.h != 0 || right % o.stride.w != 0) continue;
      const int64_t p = down / o.stride.h, q = right / o.stride.w;
      if (p < s.p && q < s.q) f(r * s.s + t, (n * s.p + p) * s.q + q);
    }
}

template <class T>
Tensor turned(CpuContext& ctx, const Conv2dShape& s, const T* weight) {
  const Tensor by_tap = Tensor::empty({s.taps(), s.k}, dtype_of<T>(), ctx.memory());
  T* to = by_tap.data<T>();
  for (int64_t k = 0; k < s.k; ++k)
    for (int64_t tap = 0; tap < s.taps(); ++tap) to[tap * s.k + k] = weight[k * s.taps() + tap];
  return by_tap;
}

int64_t pixel_chunk(const Conv2dShape& s) {
  return std::max<int64_t>(1, pointwise_chunk / (s.k * s.taps()));
}

}  // namespace

template <class T>
void depthwise_forward(CpuContext& ctx, const Conv2dShape& s, View<const T> x, View<const T> weight,
                       View<const T> bias, View<T> y) {
  const Tensor by_tap = turned(ctx, s, weight.data);
  const T* w = by_tap.data<T>();
  ctx.for_chunks(s.output_pixels(), pixel_chunk(s), [&](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      T* __restrict to = y.data + pixel * s.k;
      if (bias.data)
        std::copy_n(bias.data, s.k, to);
      else
        std::fill_n(to, s.k, T(0));
      for_taps(s, pixel, [&](int64_t tap, int64_t in) {
        const T* __restrict from = x.data + in * s.c;
        const T* __restrict by = w + tap * s.k;
        for_outputs(s, [&](int64_t k, int64_t c) { to[k] += from[c] * by[k]; });
      });
    }
  });
}

template <class T>
void depthwise_backward_input(CpuContext& ctx, const Conv2dShape& s, View<const T> weight,
                              View<const T> dy, View<T> dx) {
  const Tensor by_tap = turned(ctx, s, weight.data);
  const T* w = by_tap.data<T>();
  ctx.for_chunks(s.input_pixels(), pixel_chunk(s), [&](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      T* __restrict to = dx.data + pixel * s.c;
      std::fill_n(to, s.c, T(0));
      for_readers(s, pixel, [&](int64_t tap, int64_t out) {
        const T* __restrict from = dy.data + out * s.k;
        const T* __restrict by = w + tap * s.k;
        for_outputs(s, [&](int64_t k, int64_t c) { to[c] += from[k] * by[k]; });
      });
    }
  });
}

template <class T>
void depthwise_backward_weight(CpuContext& ctx, const Conv2dShape& s, View<const T> x,
                               View<const T> dy, View<stat_t<T>> dweight) {
  const int64_t pixels = s.output_pixels(), width = s.taps() * s.k;
  const int64_t runs = std::max<int64_t>(1, (pixels + depthwise_run - 1) / depthwise_run);
  const Tensor parts = Tensor::empty({runs, width}, dtype_of<T>(), ctx.memory());
  T* const sums = parts.data<T>();
  ctx.for_chunks(runs, 1, [&](int64_t run, int64_t) {
    T* const mine = sums + run * width;
    std::fill_n(mine, width, T(0));
    const int64_t end = std::min(pixels, (run + 1) * depthwise_run);
    for (int64_t pixel = run * depthwise_run; pixel < end; ++pixel)
      for_taps(s, pixel, [&](int64_t tap, int64_t in) {
        const T* __restrict from = x.data + in * s.c;
        const T* __restrict by = dy.data + pixel * s.k;
        T* __restrict to = mine + tap * s.k;
        for_outputs(s, [&](int64_t k, int64_t c) { to[k] += from[c] * by[k]; });
      });
  });
  combine_pairwise(sums, runs, width);
  for (int64_t k = 0; k < s.k; ++k)
    for (int64_t tap = 0; tap < s.taps(); ++tap) dweight[k * s.taps() + tap] = sums[tap * s.k + k];
}

#define WEFT_INSTANTIATE(T)                                                                      \
  template void depthwise_forward(CpuContext&, const Conv2dShape&, View<const T>, View<const T>, \
                                  View<const T>, View<T>);                                       \
  template void depthwise_backward_input(CpuContext&, const Conv2dShape&, View<const T>,         \
                                         View<const T>, View<T>);                                \
  template void depthwise_backward_weight(CpuContext&, const Conv2dShape&, View<const T>,        \
                                          View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
