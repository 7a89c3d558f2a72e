// Batch norm of small tensors: statistics, running update and y by one kernel; sums, dgamma, dbeta
// and dx by another. A strip is 32 bytes wide, one sector of memory, so that the few channels of a
// small map still make several blocks.
#include <cmath>

#include "engine/ranks.h"
#include "ops/batch_norm_cuda.cuh"
#include "ops/batch_norm_whole.h"

namespace weft::kernels {
namespace {

constexpr int whole_threads = 512, whole_across = 2;
constexpr int few_groups = 4;  // more take longer one after the other than three launches

template <class T, class... Pointers>
Partition whole_partition(const Shape& x, const Normalisation<T>& norm,
                          const Pointers*... pointers) {
  return {x, norm.mean.shape[0], vector_of<T>(x.back(), norm, pointers...), whole_across,
          whole_threads};
}

bool fits(const Partition& g) {
  return g.channels > 0 && g.rows > 0 && g.chunks == 1 && g.groups <= few_groups;
}

dim3 whole_blocks(const Partition& g) { return {static_cast<unsigned>(g.strips)}; }

/// In training a group's moments, which also move the running statistics; else those themselves.
template <int width, class T>
__global__ void __launch_bounds__(whole_threads)
    forward_kernel(Partition g, const T* x, bool training, double eps, Running running, float* mean,
                   float* invstd, Normalisation<T> norm, T* y) {
  ThreadPart at(g);
  const bool writes = at.inside && at.down == 0;
  double run_mean[width] = {}, run_var[width] = {};
  if (writes)
#pragma unroll
    for (int i = 0; i < width; ++i) {
      run_mean[i] = running.mean[at.channel + i];
      run_var[i] = running.var[at.channel + i];
      if (training) run_mean[i] *= running.keep, run_var[i] *= running.keep;
    }
  const double n = static_cast<double>(g.rows);
  for (at.group = 0; at.group < g.groups; ++at.group) {
    const Rows<width, T> rows(g, at, x);
    Moments<width> m(rows);
    if (training) join_down<whole_threads>(g, m);
    if (writes)
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const int64_t to = int64_t{at.group} * g.channels + at.channel + i;
        const double square = m.square[i];
        mean[to] = training ? m.mean[i] : static_cast<float>(run_mean[i]);
        invstd[to] = static_cast<float>(1 / sqrt((training ? square / n : run_var[i]) + eps));
        if (!training) continue;
        run_mean[i] += running.weight[at.group] * m.mean[i];
        run_var[i] += running.weight[at.group] * (square / (n - 1));
      }
    __syncthreads();  // mean and invstd are read through norm
    if (at.inside) normalise(g, at, rows, Affine<width>(g, at, norm), norm.relu, y);
  }
  if (!writes || !training) return;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    running.mean[at.channel + i] = static_cast<float>(run_mean[i]);
    running.var[at.channel + i] = static_cast<float>(run_var[i]);
  }
}

template <int width, class T>
__global__ void __launch_bounds__(whole_threads)
    backward_kernel(Partition g, const T* x, const T* dy, Normalisation<T> norm,
                    bool constant_statistics, T* dx, float* dgamma, float* dbeta) {
  ThreadPart at(g);
  ThreadPart real = at;  // threads without channels stay, to be waited for
  if (!at.inside) real.channel = 0;
  float of_gamma[width] = {}, of_beta[width] = {};
  const double by_rows = 1 / static_cast<double>(g.rows);
  for (at.group = 0; at.group < g.groups; ++at.group) {
    real.group = at.group;
    GradientSums<width> sums(Rows<width, T>(g, at, x), Rows<width, T>(g, at, dy),
                             Affine<width>(g, real, norm), norm.relu);
    join_down<whole_threads>(g, sums);
    if (!at.inside) continue;
    float mean_dy[width], slope[width];
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const float inverse = norm.invstd.data[at.group * g.channels + at.channel + i];
      of_beta[i] += sums.plain[i];
      of_gamma[i] += sums.centred[i] * inverse;
      mean_dy[i] = constant_statistics ? 0.0F : static_cast<float>(sums.plain[i] * by_rows);
      slope[i] = constant_statistics
                     ? 0.0F
                     : static_cast<float>(sums.centred[i] * by_rows * inverse * inverse);
    }
    // Read again, from the first cache: to hold both while the sums are joined takes more registers
    // than there are.
    if (dx != nullptr)
      input_gradient(g, at, Rows<width, T>(g, at, x), Rows<width, T>(g, at, dy),
                     Affine<width>(g, at, norm), norm.relu, mean_dy, slope, dx);
  }
  if (!at.inside || at.down != 0) return;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    if (dgamma != nullptr) dgamma[at.channel + i] = of_gamma[i];
    if (dbeta != nullptr) dbeta[at.channel + i] = of_beta[i];
  }
}

}  // namespace

template <class T>
bool batch_norm_whole_forward(CudaContext& ctx, View<const T> x, const BatchNormOptions& options,
                              View<stat_t<T>> mean, View<stat_t<T>> invstd,
                              View<stat_t<T>> running_mean, View<stat_t<T>> running_var,
                              const Normalisation<T>& norm, View<T> y) {
  const Partition g = whole_partition<T>(x.shape, norm, x.data, y.data);
  if (!fits(g) || (options.training && !current_ranks().alone())) return false;
  with_width<T>(g, [&](auto width) {
    launch(ctx, "batch_norm whole", forward_kernel<width(), T>, whole_blocks(g),
           dim3(whole_threads), 0, g, x.data, options.training, options.eps,
           running_update(options, running_mean, running_var, 0), mean.data, invstd.data, norm,
           y.data);
  });
  return true;
}

template <class T>
bool batch_norm_whole_backward(CudaContext& ctx, View<const T> x, View<const T> dy,
                               const Normalisation<T>& norm, bool constant_statistics, View<T> dx,
                               View<stat_t<T>> dgamma, View<stat_t<T>> dbeta) {
  const Partition g = whole_partition<T>(x.shape, norm, x.data, dy.data, dx.data);
  if (!fits(g)) return false;
  with_width<T>(g, [&](auto width) {
    launch(ctx, "batch_norm whole backward", backward_kernel<width(), T>, whole_blocks(g),
           dim3(whole_threads), 0, g, x.data, dy.data, norm, constant_statistics, dx.data,
           dgamma.data, dbeta.data);
  });
  return true;
}

#define WEFT_INSTANTIATE(T)                                                                       \
  template bool batch_norm_whole_forward<T>(CudaContext&, View<const T>, const BatchNormOptions&, \
                                            View<float>, View<float>, View<float>, View<float>,   \
                                            const Normalisation<T>&, View<T>);                    \
  template bool batch_norm_whole_backward<T>(CudaContext&, View<const T>, View<const T>,          \
                                             const Normalisation<T>&, bool, View<T>, View<float>, \
                                             View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
