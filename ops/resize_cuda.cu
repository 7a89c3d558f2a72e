// resize on the GPU. A small kernel first writes each axis's taps to a table, in double as on the
// CPU. Forward: a thread owns neighbouring channels of one output pixel and blends its four pixels.
// Backward is the transpose, one axis after the other with rows summed in float between: a thread
// owns neighbours of the sum and adds the outputs that read it, in order; taps never step back,
// so these are one range, found by bisection. No atomics.
#include "ops/pointwise_cuda.cuh"
#include "ops/resize.h"

namespace weft::kernels {
namespace {

struct DeviceTap {
  int low, high;
  float weight;
};

/// The outputs first .. last that read an input; last < first: none does.
struct ReaderRange {
  int first, last;
};

template <class Entry>
Entry* table(const Tensor& bytes) {
  return static_cast<Entry*>(bytes.raw());
}

template <class Entry>
Tensor empty_table(CudaContext& ctx, int64_t entries) {
  return Tensor::empty({entries * static_cast<int64_t>(sizeof(Entry))}, DType::u8, ctx.memory());
}

Tensor taps_of(CudaContext& ctx, Interpolation mode, int64_t in, int64_t out) {
  const Tensor taps = empty_table<DeviceTap>(ctx, out);
  auto* to = table<DeviceTap>(taps);
  for_each(ctx, "resize taps", out, [=] __device__(int64_t o) {
    const Tap tap = resize_tap(mode, o, in, out);
    to[o] = {static_cast<int>(tap.low), static_cast<int>(tap.high), static_cast<float>(tap.weight)};
  });
  return taps;
}

/// The first index in 0 .. n-1 for which `is` holds, false before and true after; n: none.
template <class F>
__device__ int first_where(int64_t n, F is) {
  int low = 0, high = static_cast<int>(n);
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (is(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

Tensor readers_of(CudaContext& ctx, const DeviceTap* taps, int64_t in, int64_t out) {
  const Tensor readers = empty_table<ReaderRange>(ctx, in);
  auto* to = table<ReaderRange>(readers);
  for_each(ctx, "resize readers", in, [=] __device__(int64_t i) {
    to[i] = {first_where(out, [=](int o) { return taps[o].high >= i; }),
             first_where(out, [=](int o) { return taps[o].low > i; }) - 1};
  });
  return readers;
}

struct Sizes {
  int64_t height, width, out_height, out_width, channels;
};

template <int n, class T>
__global__ void forward_kernel(int64_t items, Sizes s, const DeviceTap* vertical,
                               const DeviceTap* horizontal, const T* x, T* y) {
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (item >= items) return;
  const int64_t groups = s.channels / n;
  const int64_t pixel = item / groups, channel = (item - pixel * groups) * n;
  const int64_t row = pixel / s.out_width, image = row / s.out_height;
  const DeviceTap v = vertical[row - image * s.out_height];
  const DeviceTap h = horizontal[pixel - row * s.out_width];
  float out[n];
  // A pixel of weight 0 is not read: nothing but the two rows and columns that count.
  const auto blend_row = [&](int in_row, float(&to)[n]) {
    const T* from = x + (image * s.height + in_row) * s.width * s.channels + channel;
    read(from + h.low * s.channels, to);
    if (h.weight > 0) {
      float right[n];
      read(from + h.high * s.channels, right);
#pragma unroll
      for (int i = 0; i < n; ++i) to[i] = (1 - h.weight) * to[i] + h.weight * right[i];
    }
  };
  blend_row(v.low, out);
  if (v.weight > 0) {
    float below[n];
    blend_row(v.high, below);
#pragma unroll
    for (int i = 0; i < n; ++i) out[i] = (1 - v.weight) * out[i] + v.weight * below[i];
  }
  write(y + item * n, out);
}

/// Along the middle axis: y [outer, in, inner] sums the rows of x [outer, out, inner] that read it.
template <int n, class In, class Out>
__global__ void gather_kernel(int64_t items, int64_t in, int64_t out, int64_t inner,
                              const DeviceTap* taps, const ReaderRange* readers, const In* x,
                              Out* y) {
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (item >= items) return;
  const int64_t groups = inner / n;
  const int64_t row = item / groups, column = (item - row * groups) * n;
  const int64_t outer = row / in, index = row - outer * in;
  const ReaderRange range = readers[index];
  const In* from = x + outer * out * inner + column;
  float sum[n] = {};
  for (int o = range.first; o <= range.last; ++o) {
    const DeviceTap tap = taps[o];
    float weight = tap.low == index ? 1 - tap.weight : 0.0F;
    if (tap.high == index) weight += tap.weight;
    if (weight == 0) continue;
    float values[n];
    read(from + o * inner, values);
#pragma unroll
    for (int i = 0; i < n; ++i) sum[i] += weight * values[i];
  }
  write(y + item * n, sum);
}

template <class In, class Out>
void gather(CudaContext& ctx, Interpolation mode, int64_t outer, int64_t in, int64_t out,
            int64_t inner, const In* x, Out* y) {
  const Tensor taps = taps_of(ctx, mode, in, out);
  const Tensor readers = readers_of(ctx, table<DeviceTap>(taps), in, out);
  const auto start = [&](auto kernel, int64_t items) {
    launch(ctx, "resize_backward", kernel,
           dim3(static_cast<unsigned>(blocks_for(items, block_threads))), dim3(block_threads), 0,
           items, in, out, inner, table<DeviceTap>(taps), table<ReaderRange>(readers), x, y);
  };
  constexpr int size = std::max(Vec<In>::size, Vec<Out>::size);
  if (inner % size == 0 && is_aligned(x) && is_aligned(y))
    start(gather_kernel<size, In, Out>, outer * in * inner / size);
  else
    start(gather_kernel<1, In, Out>, outer * in * inner);
}

}  // namespace

template <class T>
void resize_forward(CudaContext& ctx, Interpolation mode, View<const T> x, View<T> y) {
  if (y.numel() == 0) return;
  const Sizes s{x.shape[1], x.shape[2], y.shape[1], y.shape[2], x.shape[3]};
  const Tensor vertical = taps_of(ctx, mode, s.height, s.out_height);
  const Tensor horizontal = taps_of(ctx, mode, s.width, s.out_width);
  const auto start = [&](auto kernel, int64_t items) {
    launch(ctx, "resize", kernel, dim3(static_cast<unsigned>(blocks_for(items, block_threads))),
           dim3(block_threads), 0, items, s, table<DeviceTap>(vertical),
           table<DeviceTap>(horizontal), x.data, y.data);
  };
  constexpr int size = Vec<T>::size;
  if (fits_vec(x.data, s.channels) && is_aligned(y.data))
    start(forward_kernel<size, T>, y.numel() / size);
  else
    start(forward_kernel<1, T>, y.numel());
}

template <class T>
void resize_backward(CudaContext& ctx, Interpolation mode, View<const T> dy, View<T> dx) {
  if (dx.numel() == 0) return;
  const int64_t images = dx.shape[0], height = dx.shape[1], width = dx.shape[2];
  const int64_t out_width = dy.shape[2], channels = dx.shape[3];
  const Tensor rows =
      Tensor::empty({images, height, out_width, channels}, DType::f32, ctx.memory());
  gather(ctx, mode, images, height, dy.shape[1], out_width * channels, dy.data, rows.data<float>());
  gather(ctx, mode, images * height, width, out_width, channels, rows.data<const float>(), dx.data);
}

#define WEFT_INSTANTIATE(T)                                                          \
  template void resize_forward(CudaContext&, Interpolation, View<const T>, View<T>); \
  template void resize_backward(CudaContext&, Interpolation, View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
