// softmax and log_softmax on the GPU: a few lanes of a warp own a row (softmax_rows_cuda.cuh).
#include "ops/softmax.h"
#include "ops/softmax_rows_cuda.cuh"

namespace weft::kernels {
namespace {

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
