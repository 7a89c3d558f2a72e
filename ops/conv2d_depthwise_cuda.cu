// Depthwise conv2d on the GPU: a thread owns an output, or for dx an input, and adds its taps in
// order in float; neighbouring threads own neighbouring channels. For dweight it owns one weight
// and one run of output pixels, and ops/reduce adds the runs up in its fixed tree.
#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "ops/conv2d_depthwise.h"
#include "ops/reduce.h"

namespace weft::kernels {
namespace {

/// What a kernel needs of a shape. Pixels are below 2^31 (conv2d's check), elements may be more.
struct Geometry {
  int h, w, c, k, r, s, p, q, m;
  int stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w;

  explicit Geometry(const Conv2dShape& z)
      : h(static_cast<int>(z.h)),
        w(static_cast<int>(z.w)),
        c(static_cast<int>(z.c)),
        k(static_cast<int>(z.k)),
        r(static_cast<int>(z.r)),
        s(static_cast<int>(z.s)),
        p(static_cast<int>(z.p)),
        q(static_cast<int>(z.q)),
        m(static_cast<int>(z.k / z.c)),
        stride_h(static_cast<int>(z.options.stride.h)),
        stride_w(static_cast<int>(z.options.stride.w)),
        padding_h(static_cast<int>(z.options.padding.h)),
        padding_w(static_cast<int>(z.options.padding.w)),
        dilation_h(static_cast<int>(z.options.dilation.h)),
        dilation_w(static_cast<int>(z.options.dilation.w)) {}

  /// The input pixel that tap (i, j) of an output pixel reads; below 0: outside the image.
  __device__ int64_t read_by(int pixel, int i, int j) const {
    const int line = pixel / q, n = line / p;
    const int row = (line - n * p) * stride_h - padding_h + i * dilation_h;
    const int column = (pixel - line * q) * stride_w - padding_w + j * dilation_w;
    if (row < 0 || row >= h || column < 0 || column >= w) return -1;
    return (int64_t{n} * h + row) * w + column;
  }
  /// The output pixel whose tap (i, j) reads an input pixel; below 0: none.
  __device__ int64_t reader_of(int pixel, int i, int j) const {
    const int line = pixel / w, n = line / h;
    const int down = line - n * h + padding_h - i * dilation_h;
    const int right = pixel - line * w + padding_w - j * dilation_w;
    if (down < 0 || right < 0 || down % stride_h != 0 || right % stride_w != 0) return -1;
    const int row = down / stride_h, column = right / stride_w;
    if (row >= p || column >= q) return -1;
    return (int64_t{n} * p + row) * q + column;
  }
};

}  // namespace

template <class T>
void depthwise_forward(CudaContext& ctx, const Conv2dShape& shape, View<const T> x,
                       View<const T> weight, View<const T> bias, View<T> y) {
  const Geometry g(shape);
  const T *in = x.data, *filter = weight.data, *offset = bias.data;
  T* out = y.data;
  for_each(ctx, "conv2d depthwise", y.numel(), [=] __device__(int64_t at) {
    const auto pixel = static_cast<int>(at / g.k);
    const auto k = static_cast<int>(at - int64_t{pixel} * g.k);
    const T* taps = filter + int64_t{k} * g.r * g.s;
    float sum = offset != nullptr ? load(offset + k) : 0.0F;
    for (int i = 0; i < g.r; ++i)
      for (int j = 0; j < g.s; ++j) {
        const int64_t from = g.read_by(pixel, i, j);
        if (from >= 0) sum += load(in + from * g.c + k / g.m) * load(taps + i * g.s + j);
      }
    store(out + at, sum);
  });
}

template <class T>
void depthwise_backward_input(CudaContext& ctx, const Conv2dShape& shape, View<const T> weight,
                              View<const T> dy, View<T> dx) {
  const Geometry g(shape);
  const T *from = dy.data, *filter = weight.data;
  T* out = dx.data;
  for_each(ctx, "conv2d depthwise dx", dx.numel(), [=] __device__(int64_t at) {
    const auto pixel = static_cast<int>(at / g.c);
    const auto c = static_cast<int>(at - int64_t{pixel} * g.c);
    float sum = 0;
    for (int i = 0; i < g.r; ++i)
      for (int j = 0; j < g.s; ++j) {
        const int64_t reader = g.reader_of(pixel, i, j);
        if (reader < 0) continue;
        for (int k = c * g.m; k < (c + 1) * g.m; ++k)
          sum += load(from + reader * g.k + k) * load(filter + (int64_t{k} * g.r + i) * g.s + j);
      }
    store(out + at, sum);
  });
}

template <class T>
void depthwise_backward_weight(CudaContext& ctx, const Conv2dShape& shape, View<const T> x,
                               View<const T> dy, View<stat_t<T>> dweight) {
  const Geometry g(shape);
  const int64_t pixels = shape.output_pixels(), runs = blocks_for(pixels, depthwise_run);
  const int64_t width = dweight.numel();
  const Tensor parts = Tensor::empty({runs, width}, DType::f32, ctx.memory());
  const T *in = x.data, *from = dy.data;
  auto* part = parts.data<float>();
  for_each(ctx, "conv2d depthwise dweight", runs * width, [=] __device__(int64_t item) {
    const int64_t run = item / width;
    const auto rest = static_cast<int>(item - run * width);  // tap K + k: channels side by side
    const int tap = rest / g.k, k = rest - tap * g.k;
    const int i = tap / g.s, j = tap - i * g.s;
    const int64_t end = (run + 1) * depthwise_run < pixels ? (run + 1) * depthwise_run : pixels;
    float sum = 0;
    for (int64_t pixel = run * depthwise_run; pixel < end; ++pixel) {
      const int64_t read = g.read_by(static_cast<int>(pixel), i, j);
      if (read >= 0) sum += load(in + read * g.c + k / g.m) * load(from + pixel * g.k + k);
    }
    part[run * width + int64_t{k} * g.r * g.s + tap] = sum;
  });
  sum_middle<float>(ctx, parts.view<float>(), 1, runs, width, 1, dweight);
}

#define WEFT_INSTANTIATE(T)                                                                       \
  template void depthwise_forward(CudaContext&, const Conv2dShape&, View<const T>, View<const T>, \
                                  View<const T>, View<T>);                                        \
  template void depthwise_backward_input(CudaContext&, const Conv2dShape&, View<const T>,         \
                                         View<const T>, View<T>);                                 \
  template void depthwise_backward_weight(CudaContext&, const Conv2dShape&, View<const T>,        \
                                          View<const T>, View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
