// softmax and log_softmax on the GPU: up to 32 lanes of a warp own a row (fewer for short rows, so
// that a warp takes several); a lane takes elements lane, lane + lanes, .. in order, and lanes are
// combined pairwise by shuffles, whose tree depends on the width alone.
#include "engine/cuda/launch.cuh"
#include "ops/softmax.h"

namespace weft::kernels {
namespace {

constexpr unsigned whole_warp = 0xFFFFFFFFU;

/// One row as its lanes see it; every lane of a warp goes through the same shuffles, with a row or
/// without.
struct Row {
  int64_t first = 0, width = 0;
  int lane, lanes;

  __device__ Row(int64_t rows, int64_t width_, int lanes_) : lanes(lanes_) {
    const int64_t thread = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    const int64_t row = thread / lanes;
    lane = static_cast<int>(thread % lanes);
    if (row < rows) first = row * width_, width = width_;
  }
  /// Sum over the row of f(i), i from the row's start, in every lane.
  template <class F>
  __device__ float sum(F f) const {
    float total = 0;
    for (int64_t i = lane; i < width; i += lanes) total += f(i);
    for (int step = 1; step < lanes; step *= 2) total += __shfl_xor_sync(whole_warp, total, step);
    return total;
  }
  /// The largest; NaN is passed over, and shows in the sum.
  __device__ float max(const float* x) const {
    float top = -INFINITY;
    for (int64_t i = lane; i < width; i += lanes) top = x[i] > top ? x[i] : top;
    for (int step = 1; step < lanes; step *= 2) {
      const float other = __shfl_xor_sync(whole_warp, top, step);
      top = other > top ? other : top;
    }
    return top;
  }
};

__global__ void softmax_kernel(int64_t rows, int64_t width, int lanes, const float* x, float* y) {
  const Row row(rows, width, lanes);
  const float* in = x + row.first;
  const float top = row.max(in);
  const float sum = row.sum([=](int64_t i) { return expf(in[i] - top); });
  for (int64_t i = row.lane; i < row.width; i += lanes) y[row.first + i] = expf(in[i] - top) / sum;
}

__global__ void softmax_backward_kernel(int64_t rows, int64_t width, int lanes, const float* y,
                                        const float* dy, float* dx) {
  const Row row(rows, width, lanes);
  const float *p = y + row.first, *d = dy + row.first;
  const float dot = row.sum([=](int64_t i) { return p[i] * d[i]; });
  for (int64_t i = row.lane; i < row.width; i += lanes) dx[row.first + i] = p[i] * (d[i] - dot);
}

__global__ void log_softmax_kernel(int64_t rows, int64_t width, int lanes, const float* x,
                                   float* y) {
  const Row row(rows, width, lanes);
  const float* in = x + row.first;
  const float top = row.max(in);
  const float log_sum = logf(row.sum([=](int64_t i) { return expf(in[i] - top); }));
  for (int64_t i = row.lane; i < row.width; i += lanes) y[row.first + i] = (in[i] - top) - log_sum;
}

__global__ void log_softmax_backward_kernel(int64_t rows, int64_t width, int lanes, const float* y,
                                            const float* dy, float* dx) {
  const Row row(rows, width, lanes);
  const float *log_p = y + row.first, *d = dy + row.first;
  const float sum = row.sum([=](int64_t i) { return d[i]; });
  for (int64_t i = row.lane; i < row.width; i += lanes)
    dx[row.first + i] = d[i] - expf(log_p[i]) * sum;
}

/// kernel(rows, width, lanes, pointers...) over the rows of `shape`.
template <class Kernel, class... Pointers>
void over_rows(CudaContext& ctx, const char* name, const Shape& shape, Kernel kernel,
               Pointers... pointers) {
  if (shape.numel() == 0) return;
  const int64_t width = shape.back(), rows = shape.numel() / width;
  int lanes = 1;
  while (lanes < 32 && 2 * lanes < width) lanes *= 2;
  launch(ctx, name, kernel, dim3(static_cast<unsigned>(blocks_for(rows * lanes, block_threads))),
         dim3(block_threads), 0, rows, width, lanes, pointers...);
}

}  // namespace

template <class T>
void softmax_forward(CudaContext& ctx, View<const T> x, View<T> y) {
  over_rows(ctx, "softmax", y.shape, softmax_kernel, x.data, y.data);
}

template <class T>
void softmax_backward(CudaContext& ctx, View<const T> y, View<const T> dy, View<T> dx) {
  over_rows(ctx, "softmax_backward", dx.shape, softmax_backward_kernel, y.data, dy.data, dx.data);
}

template <class T>
void log_softmax_forward(CudaContext& ctx, View<const T> x, View<T> y) {
  over_rows(ctx, "log_softmax", y.shape, log_softmax_kernel, x.data, y.data);
}

template <class T>
void log_softmax_backward(CudaContext& ctx, View<const T> y, View<const T> dy, View<T> dx) {
  over_rows(ctx, "log_softmax_backward", dx.shape, log_softmax_backward_kernel, y.data, dy.data,
            dx.data);
}

template void softmax_forward(CudaContext&, View<const float>, View<float>);
template void softmax_backward(CudaContext&, View<const float>, View<const float>, View<float>);
template void log_softmax_forward(CudaContext&, View<const float>, View<float>);
template void log_softmax_backward(CudaContext&, View<const float>, View<const float>, View<float>);

}  // namespace weft::kernels
