// Gumbel-softmax on the GPU: one thread a row, in double, rounded once at the end, as on the CPU.
// Rows are short and few (a policy's are 2 wide), so a logit's noise is drawn anew in each of the
// three passes (largest, sum, shares) and nothing is stored between them.
#include "engine/cuda/launch.cuh"
#include "ops/gumbel_softmax.h"

namespace weft::kernels {
namespace {

/// (logit + g) / tau of one element.
struct Perturbed {
  const float* logits;
  Philox philox;
  double temperature;
  __device__ double operator()(int64_t i) const {
    const double g = -log(-log(philox.uniform(static_cast<uint64_t>(i))));
    return (static_cast<double>(logits[i]) + g) / temperature;
  }
};

__global__ void forward_kernel(int64_t rows, int64_t width, Perturbed z, bool hard, float* soft,
                               float* y) {
  const int64_t row = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  const int64_t first = row * width;
  int64_t chosen = 0;  // the first of the largest
  double highest = z(first);
  for (int64_t j = 1; j < width; ++j) {
    const double v = z(first + j);
    if (highest < v) highest = v, chosen = j;
  }
  double sum = 0;
  for (int64_t j = 0; j < width; ++j) sum += exp(z(first + j) - highest);
  for (int64_t j = 0; j < width; ++j)
    soft[first + j] = static_cast<float>(exp(z(first + j) - highest) / sum);
  // NaN logits give NaN, not a choice.
  if (hard)
    for (int64_t j = 0; j < width; ++j)
      y[first + j] = isnan(sum) ? static_cast<float>(sum) : static_cast<float>(j == chosen);
}

__global__ void backward_kernel(int64_t rows, int64_t width, const float* soft, const float* dy,
                                double temperature, float* dlogits) {
  const int64_t row = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  const float *s = soft + row * width, *d = dy + row * width;
  for (int64_t i = 0; i < width; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < width; ++j)
      sum += static_cast<double>(s[j]) * (static_cast<double>(d[i]) - static_cast<double>(d[j]));
    dlogits[row * width + i] = static_cast<float>(static_cast<double>(s[i]) * sum / temperature);
  }
}

constexpr int row_threads = 64;

}  // namespace

template <class T>
void gumbel_softmax_forward(CudaContext& ctx, const Philox& philox, View<const T> logits,
                            double temperature, bool hard, View<T> soft, View<T> y) {
  if (logits.numel() == 0) return;
  const int64_t width = logits.shape.back(), rows = logits.numel() / width;
  launch(ctx, "gumbel_softmax", forward_kernel,
         dim3(static_cast<unsigned>(blocks_for(rows, row_threads))), dim3(row_threads), 0, rows,
         width, Perturbed{logits.data, philox, temperature}, hard, soft.data, y.data);
}

template <class T>
void gumbel_softmax_backward(CudaContext& ctx, View<const T> soft, View<const T> dy,
                             double temperature, View<T> dlogits) {
  if (dy.numel() == 0) return;
  const int64_t width = dy.shape.back(), rows = dy.numel() / width;
  launch(ctx, "gumbel_softmax_backward", backward_kernel,
         dim3(static_cast<unsigned>(blocks_for(rows, row_threads))), dim3(row_threads), 0, rows,
         width, soft.data, dy.data, temperature, dlogits.data);
}

template void gumbel_softmax_forward(CudaContext&, const Philox&, View<const float>, double, bool,
                                     View<float>, View<float>);
template void gumbel_softmax_backward(CudaContext&, View<const float>, View<const float>, double,
                                      View<float>);

}  // namespace weft::kernels
