// Dropout on the GPU: a thread owns one Vec<T> of neighbours and draws their Philox words a block
// of four at a time, the same words as on the CPU. Where memory is not aligned to 16 bytes, or the
// end is near, the same thread moves its elements one by one; where a rank's rows begin within a
// block, it draws a block for each.
#include "ops/dropout.h"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {
namespace {

struct Grow {
  float by;
  __device__ float operator()(float x) const { return by * x; }
};

struct GrowPositive {
  float by;
  __device__ float operator()(float x) const { return x < 0 ? 0.0F : by * x; }
};

struct ReluDropoutGradient {
  float by;
  __device__ float operator()(float y, float dy) const { return y > 0 ? by * dy : 0.0F; }
};

float growth(double p) { return static_cast<float>(1 / (1 - p)); }

template <class T, class F>
__global__ void keep_some_kernel(int64_t n, bool aligned, Philox philox, uint64_t offset,
                                 int32_t from, F f, const T* x, T* y) {
  constexpr int size = Vec<T>::size;
  static_assert(size % 4 == 0, "whole Philox blocks");
  const int64_t first = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * size;
  if (first >= n) return;
  const bool whole = aligned && first + size <= n;
  float values[size];
  if (whole) {
    read(x + first, values);
  } else {
#pragma unroll
    for (int i = 0; i < size; ++i) values[i] = first + i < n ? load(x + first + i) : 0.0F;
  }
#pragma unroll
  for (int i = 0; i < size; i += 4) {
    const uint64_t element = offset + static_cast<uint64_t>(first + i);
    auto words = philox.block(element / 4);
    if (element % 4 != 0)
      for (int k = 0; k < 4; ++k) words[k] = philox.word(element + k);
#pragma unroll
    for (int k = 0; k < 4; ++k)
      values[i + k] = static_cast<int32_t>(words[k] >> 8) >= from ? f(values[i + k]) : 0.0F;
  }
  if (whole) {
    write(y + first, values);
  } else {
#pragma unroll
    for (int i = 0; i < size; ++i)
      if (first + i < n) store(y + first + i, values[i]);
  }
}

template <class T, class F>
void keep_some(CudaContext& ctx, const char* name, const Philox& philox, uint64_t first, double p,
               F f, View<const T> x, View<T> y) {
  const int64_t n = y.numel(), threads = blocks_for(n, Vec<T>::size);
  if (n == 0) return;
  launch(ctx, name, keep_some_kernel<T, F>,
         dim3(static_cast<unsigned>(blocks_for(threads, block_threads))), dim3(block_threads), 0, n,
         is_aligned(x.data) && is_aligned(y.data), philox, first, keep_from(p), f, x.data, y.data);
}

}  // namespace

template <class T>
void dropout(CudaContext& ctx, const Philox& philox, uint64_t first, double p, View<const T> x,
             View<T> y) {
  keep_some(ctx, "dropout", philox, first, p, Grow{growth(p)}, x, y);
}

template <class T>
void relu_dropout_forward(CudaContext& ctx, const Philox& philox, uint64_t first, double p,
                          View<const T> x, View<T> y) {
  keep_some(ctx, "relu_dropout", philox, first, p, GrowPositive{growth(p)}, x, y);
}

template <class T>
void relu_dropout_backward(CudaContext& ctx, double p, View<const T> y, View<const T> dy,
                           View<T> dx) {
  map(ctx, "relu_dropout_backward", dx.numel(), ReluDropoutGradient{growth(p)}, dx.data, y.data,
      dy.data);
}

#define WEFT_INSTANTIATE(T)                                                                        \
  template void dropout(CudaContext&, const Philox&, uint64_t, double, View<const T>, View<T>);    \
  template void relu_dropout_forward(CudaContext&, const Philox&, uint64_t, double, View<const T>, \
                                     View<T>);                                                     \
  template void relu_dropout_backward(CudaContext&, double, View<const T>, View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
