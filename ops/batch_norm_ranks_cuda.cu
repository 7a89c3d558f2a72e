// Batch norm's sums between GPUs: a message, and a small kernel that reads it.
#include <cmath>

#include "engine/card_ranks.h"
#include "engine/ranks.h"
#include "ops/batch_norm_cuda.cuh"
#include "ops/batch_norm_ranks.h"

namespace weft::kernels {
namespace {

CardRanks& cards() {
  CardRanks* const here = current_ranks().cards();
  if (here == nullptr) throw Error("batch_norm: this rank's GPU is not joined to the others'");
  return *here;
}

/// `all`: [ranks, G, C, 2].
__global__ void combine_ranks_kernel(const double* all, int ranks, int groups, int channels,
                                     double rows, double eps, Running running, float* mean,
                                     float* invstd) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= channels) return;
  const int64_t width = int64_t{2} * groups * channels;
  double new_mean = running.keep * running.mean[c], new_var = running.keep * running.var[c];
  const double n = rows * ranks;
  for (int i = 0; i < running.count; ++i) {
    const int at = (running.first_group + i) * channels + c;
    double m = all[2 * at], s = all[2 * at + 1];
    for (int rank = 1; rank < ranks; ++rank) {
      const double* const theirs = all + rank * width + 2 * at;
      const double by = 1.0 / (rank + 1), delta = theirs[0] - m;
      m += delta * by;
      s += theirs[1] + delta * delta * (rows * rank * by);
    }
    new_mean += running.weight[i] * m;
    new_var += running.weight[i] * (s / (n - 1));
    mean[at] = static_cast<float>(m);
    invstd[at] = static_cast<float>(1 / sqrt(s / n + eps));
  }
  running.mean[c] = static_cast<float>(new_mean);
  running.var[c] = static_cast<float>(new_var);
}

}  // namespace

void moments_of_ranks(CudaContext& ctx, const Tensor& own, int64_t rows,
                      const BatchNormOptions& options, View<float> mean, View<float> invstd,
                      View<float> running_mean, View<float> running_var) {
  const int ranks = current_ranks().size();
  const Tensor all = Tensor::empty({ranks * own.numel()}, DType::f64, ctx.memory());
  cards().gather(own, all);
  const int groups = static_cast<int>(mean.shape[0]), channels = static_cast<int>(mean.shape[1]);
  for (int first = 0; first < groups; first += most_groups)
    launch(ctx, "batch_norm statistics of ranks", combine_ranks_kernel,
           dim3(static_cast<unsigned>(blocks_for(channels, block_threads))), dim3(block_threads), 0,
           all.data<double>(), ranks, groups, channels, static_cast<double>(rows), options.eps,
           running_update(options, running_mean, running_var, first), mean.data, invstd.data);
}

void slopes_of_ranks(CudaContext& ctx, const Tensor& own, int64_t rows, View<const float> invstd,
                     float* a, float* b) {
  cards().sum(own);
  const double n = static_cast<double>(rows) * current_ranks().size();
  const double* const sums = own.data<double>();
  const float* const by = invstd.data;
  for_each(ctx, "batch_norm gradients of ranks", invstd.numel(), [=] __device__(int64_t i) {
    a[i] = static_cast<float>(sums[2 * i] / n);
    b[i] = static_cast<float>(sums[2 * i + 1] * double{by[i]} * double{by[i]} / n);
  });
}

}  // namespace weft::kernels
