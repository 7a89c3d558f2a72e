// Batch norm on the GPU, two passes over x forward and two over x and dy backward. A block finds
// the moments of its chunk (batch_norm_cuda.cuh); a second kernel adds up the chunks, in double
// around the first chunk's mean. Backward adds up dy and dy (x - mean) the same way. All sizes
// follow from the shape alone. What is small takes one launch (batch_norm_whole.h). Of several ranks
// the second kernel ends with this rank's sums, and what is made of all follows (batch_norm_ranks.h).
#include <cmath>

#include "engine/ranks.h"
#include "ops/batch_norm.h"
#include "ops/batch_norm_cuda.cuh"
#include "ops/batch_norm_ranks.h"
#include "ops/batch_norm_whole.h"

namespace weft::kernels {
namespace {

/// parts: means [G, chunks, C], then squared deviations of the same shape.
template <int width, class T>
__global__ void moments_kernel(Partition g, const T* x, float* means, float* squares) {
  const ThreadPart at(g);
  const Rows<width, T> rows(g, at, x);
  Moments<width> m(rows);
  join_down<block_threads>(g, m);
  if (!at.inside || at.down != 0) return;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    means[at.part(g) + i] = m.mean[i];
    squares[at.part(g) + i] = m.square[i];
  }
}

/// A block that adds up chunks: `lanes` threads for each of a few neighbouring channels.
constexpr int channels_a_block = 8, lanes = block_threads / channels_a_block;

struct Pair {
  double first = 0, second = 0;
};

/// A group's sum of of_chunk(chunk, part): lane l adds chunks l, l + lanes, .. in order, then the lanes
/// of a warp are combined pairwise, and the warps in order; every thread of a channel gets the total.
template <class OfChunk>
__device__ Pair sum_chunks(const Partition& g, int group, int channel, OfChunk of_chunk) {
  constexpr int warps = block_threads / warp_threads;
  __shared__ double first[warps][channels_a_block], second[warps][channels_a_block];
  const int thread = static_cast<int>(threadIdx.x);
  Pair mine;
  if (channel < g.channels)
#pragma unroll 4
    for (int chunk = thread / channels_a_block; chunk < g.chunks; chunk += lanes) {
      const Pair part = of_chunk(chunk, (int64_t{group} * g.chunks + chunk) * g.channels + channel);
      mine.first += part.first;
      mine.second += part.second;
    }
#pragma unroll
  for (int offset = channels_a_block; offset < warp_threads; offset *= 2) {
    mine.first += __shfl_xor_sync(whole_warp, mine.first, offset);
    mine.second += __shfl_xor_sync(whole_warp, mine.second, offset);
  }
  __syncthreads();  // what was read of the group before
  if (thread % warp_threads < channels_a_block) {
    first[thread / warp_threads][thread % channels_a_block] = mine.first;
    second[thread / warp_threads][thread % channels_a_block] = mine.second;
  }
  __syncthreads();
  Pair total;
#pragma unroll
  for (int w = 0; w < warps; ++w) {
    total.first += first[w][thread % channels_a_block];
    total.second += second[w][thread % channels_a_block];
  }
  return total;
}

__device__ int channel_of_thread() {
  return static_cast<int>(blockIdx.x) * channels_a_block +
         static_cast<int>(threadIdx.x) % channels_a_block;
}

/// Mean and squared deviations of a group's rows.
__device__ Pair group_moments(const Partition& g, int group, int c, const float* means,
                              const float* squares) {
  const double n = static_cast<double>(g.rows);
  const double near = c < g.channels ? means[int64_t{group} * g.chunks * g.channels + c] : 0.0;
  const Pair all = sum_chunks(g, group, c, [&](int chunk, int64_t part) {
    const int64_t left = g.rows - int64_t{chunk} * g.chunk;
    const double rows = static_cast<double>(left < g.chunk ? left : g.chunk);
    const double apart = means[part] - near;
    return Pair{rows * apart, squares[part] + rows * apart * apart};
  });
  const double spread = all.second - all.first * (all.first / n);
  return {near + all.first / n, spread < 0 ? 0 : spread};  // in this order a NaN stays a NaN
}

__global__ void combine_moments_kernel(Partition g, const float* means, const float* squares,
                                       double eps, Running running, float* mean, float* invstd) {
  const int c = channel_of_thread();
  const bool writes = c < g.channels && threadIdx.x < channels_a_block;
  double new_mean = writes ? running.keep * running.mean[c] : 0;
  double new_var = writes ? running.keep * running.var[c] : 0;
  const double n = static_cast<double>(g.rows);
  for (int i = 0; i < running.count; ++i) {
    const int group = running.first_group + i;
    const Pair moments = group_moments(g, group, c, means, squares);
    if (!writes) continue;
    new_mean += running.weight[i] * moments.first;
    new_var += running.weight[i] * (moments.second / (n - 1));
    mean[group * g.channels + c] = static_cast<float>(moments.first);
    invstd[group * g.channels + c] = static_cast<float>(1 / sqrt(moments.second / n + eps));
  }
  if (!writes) return;
  running.mean[c] = static_cast<float>(new_mean);
  running.var[c] = static_cast<float>(new_var);
}

/// own: this rank's mean and squared deviations of each group and channel, side by side.
__global__ void own_moments_kernel(Partition g, const float* means, const float* squares,
                                   double* own) {
  const int c = channel_of_thread(), group = static_cast<int>(blockIdx.y);
  const Pair moments = group_moments(g, group, c, means, squares);
  if (c >= g.channels || threadIdx.x >= channels_a_block) return;
  own[2 * (group * g.channels + c)] = moments.first;
  own[2 * (group * g.channels + c) + 1] = moments.second;
}

template <int width, class T>
__global__ void normalise_kernel(Partition g, const T* x, Normalisation<T> norm, T* y) {
  const ThreadPart at(g);
  if (!at.inside) return;
  const Rows<width, T> rows(g, at, x);
  normalise(g, at, rows, Affine<width>(g, at, norm), norm.relu, y);
}

/// parts: sums of dy [G, chunks, C], then of dy (x - mean).
template <int width, class T>
__global__ void gradient_sums_kernel(Partition g, const T* x, const T* dy, Normalisation<T> norm,
                                     float* plain, float* centred) {
  const ThreadPart at(g);
  const Rows<width, T> rows(g, at, x), gradients(g, at, dy);
  ThreadPart real = at;  // threads without channels stay, to be waited for
  if (!at.inside) real.channel = 0;
  GradientSums<width> sums(rows, gradients, Affine<width>(g, real, norm), norm.relu);
  join_down<block_threads>(g, sums);
  if (!at.inside || at.down != 0) return;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    plain[at.part(g) + i] = sums.plain[i];
    centred[at.part(g) + i] = sums.centred[i];
  }
}

/// dgamma and dbeta, and for dx: a = mean of dy, b = mean of dy (x - mean) / var, by group.
template <class T>
__global__ void combine_gradients_kernel(Partition g, const float* plain, const float* centred,
                                         Normalisation<T> norm, bool constant_statistics, float* a,
                                         float* b, float* dgamma, float* dbeta) {
  const int c = channel_of_thread();
  const bool writes = c < g.channels && threadIdx.x < channels_a_block;
  double of_gamma = 0, of_beta = 0;
  const double n = static_cast<double>(g.rows);
  for (int group = 0; group < g.groups; ++group) {
    const Pair sums = sum_chunks(g, group, c, [&](int, int64_t part) {
      return Pair{plain[part], centred[part]};
    });
    if (!writes) continue;
    const int at = group * g.channels + c;
    const double invstd = norm.invstd.data[at];
    of_beta += sums.first;
    of_gamma += sums.second * invstd;
    a[at] = constant_statistics ? 0.0F : static_cast<float>(sums.first / n);
    b[at] = constant_statistics ? 0.0F : static_cast<float>(sums.second * invstd * invstd / n);
  }
  if (writes && dgamma != nullptr) dgamma[c] = static_cast<float>(of_gamma);
  if (writes && dbeta != nullptr) dbeta[c] = static_cast<float>(of_beta);
}

/// The same of this rank's rows alone; own: sums of dy and of dy (x - mean), side by side.
template <class T>
__global__ void own_gradients_kernel(Partition g, const float* plain, const float* centred,
                                     Normalisation<T> norm, double* own, float* dgamma,
                                     float* dbeta) {
  const int c = channel_of_thread();
  const bool writes = c < g.channels && threadIdx.x < channels_a_block;
  double of_gamma = 0, of_beta = 0;
  for (int group = 0; group < g.groups; ++group) {
    const Pair sums = sum_chunks(g, group, c, [&](int, int64_t part) {
      return Pair{plain[part], centred[part]};
    });
    if (!writes) continue;
    const int at = group * g.channels + c;
    of_beta += sums.first;
    of_gamma += sums.second * norm.invstd.data[at];
    own[2 * at] = sums.first;
    own[2 * at + 1] = sums.second;
  }
  if (writes && dgamma != nullptr) dgamma[c] = static_cast<float>(of_gamma);
  if (writes && dbeta != nullptr) dbeta[c] = static_cast<float>(of_beta);
}

template <int width, class T>
__global__ void input_gradient_kernel(Partition g, const T* x, const T* dy, Normalisation<T> norm,
                                      const float* a, const float* b, T* dx) {
  const ThreadPart at(g);
  if (!at.inside) return;
  const Rows<width, T> rows(g, at, x), gradients(g, at, dy);
  float mean_dy[width], slope[width];
  read(a + int64_t{at.group} * g.channels + at.channel, mean_dy);
  read(b + int64_t{at.group} * g.channels + at.channel, slope);
  input_gradient(g, at, rows, gradients, Affine<width>(g, at, norm), norm.relu, mean_dy, slope, dx);
}

template <class T, class... Pointers>
Partition partition(const Shape& x, const Normalisation<T>& norm, const Pointers*... pointers) {
  return {x, norm.mean.shape[0], vector_of<T>(x.back(), norm, pointers...), vectors_across,
          block_threads};
}

dim3 per_channel(const Partition& g) {
  return {static_cast<unsigned>(blocks_for(g.channels, channels_a_block))};
}

Tensor floats(CudaContext& ctx, size_t count) {
  return Tensor::empty({static_cast<int64_t>(count)}, DType::f32, ctx.memory());
}

Tensor doubles(CudaContext& ctx, int64_t count) {
  return Tensor::empty({count}, DType::f64, ctx.memory());
}

}  // namespace

template <class T>
void batch_norm_statistics(CudaContext& ctx, View<const T> x, const BatchNormOptions& options,
                           View<stat_t<T>> mean, View<stat_t<T>> invstd,
                           View<stat_t<T>> running_mean, View<stat_t<T>> running_var) {
  const Partition g(x.shape, mean.shape[0], fits_vec(x.data, x.shape.back()) ? Vec<T>::size : 1,
                    vectors_across, block_threads);
  if (g.channels == 0) return;
  const Tensor parts = floats(ctx, 2 * g.parts());
  float *means = parts.data<float>(), *squares = means + g.parts();
  with_width<T>(g, [&](auto width) {
    launch(ctx, "batch_norm moments", moments_kernel<width(), T>, g.blocks(), dim3(block_threads),
           0, g, x.data, means, squares);
  });
  if (!current_ranks().alone()) {
    const Tensor own = doubles(ctx, 2 * mean.numel());
    dim3 grid = per_channel(g);
    grid.y = static_cast<unsigned>(g.groups);
    launch(ctx, "batch_norm rank's moments", own_moments_kernel, grid, dim3(block_threads), 0, g,
           means, squares, own.data<double>());
    return moments_of_ranks(ctx, own, g.rows, options, mean, invstd, running_mean, running_var);
  }
  for (int first = 0; first < g.groups; first += most_groups)
    launch(ctx, "batch_norm statistics", combine_moments_kernel, per_channel(g),
           dim3(block_threads), 0, g, means, squares, options.eps,
           running_update(options, running_mean, running_var, first), mean.data, invstd.data);
}

template <class T>
void batch_norm_recall(CudaContext& ctx, View<const stat_t<T>> running_mean,
                       View<const stat_t<T>> running_var, double eps, View<stat_t<T>> mean,
                       View<stat_t<T>> invstd) {
  const float *from_mean = running_mean.data, *from_var = running_var.data;
  float *to_mean = mean.data, *to_invstd = invstd.data;
  for_each(ctx, "batch_norm recall", mean.numel(), [=] __device__(int64_t c) {
    to_mean[c] = from_mean[c];
    to_invstd[c] = static_cast<float>(1 / sqrt(static_cast<double>(from_var[c]) + eps));
  });
}

template <class T>
void batch_norm_forward(CudaContext& ctx, View<const T> x, const Normalisation<T>& norm,
                        View<T> y) {
  if (y.numel() == 0) return;
  const Partition g = partition<T>(x.shape, norm, x.data, y.data);
  with_width<T>(g, [&](auto width) {
    launch(ctx, "batch_norm", normalise_kernel<width(), T>, g.blocks(), dim3(block_threads), 0, g,
           x.data, norm, y.data);
  });
}

template <class T>
void combine_gradients(CudaContext& ctx, const Partition& g, const float* sums,
                       const Normalisation<T>& norm, bool constant_statistics, bool over_ranks,
                       float* slopes, View<float> dgamma, View<float> dbeta) {
  const float* const centred = sums + g.parts();
  float* const b = slopes + int64_t{g.groups} * g.channels;
  if (!over_ranks)
    return launch(ctx, "batch_norm gradients", combine_gradients_kernel<T>, per_channel(g),
                  dim3(block_threads), 0, g, sums, centred, norm, constant_statistics, slopes, b,
                  dgamma.data, dbeta.data);
  const Tensor own = doubles(ctx, 2 * norm.mean.numel());
  launch(ctx, "batch_norm rank's gradients", own_gradients_kernel<T>, per_channel(g),
         dim3(block_threads), 0, g, sums, centred, norm, own.data<double>(), dgamma.data,
         dbeta.data);
  slopes_of_ranks(ctx, own, g.rows, norm.invstd, slopes, b);
}

template <class T>
void batch_norm_backward(CudaContext& ctx, View<const T> x, View<const T> dy,
                         const Normalisation<T>& norm, bool constant_statistics, View<T> dx,
                         View<stat_t<T>> dgamma, View<stat_t<T>> dbeta) {
  const Partition g = partition<T>(x.shape, norm, x.data, dy.data, dx.data);
  if (g.channels == 0) return;
  const bool over_ranks = !current_ranks().alone() && !constant_statistics && dx.data != nullptr;
  if (!over_ranks &&
      batch_norm_whole_backward<T>(ctx, x, dy, norm, constant_statistics, dx, dgamma, dbeta))
    return;
  const Tensor parts = floats(ctx, 2 * g.parts());
  const Tensor means = floats(ctx, static_cast<size_t>(2 * g.groups) * g.channels);
  float *plain = parts.data<float>(), *centred = plain + g.parts();
  float *a = means.data<float>(), *b = a + int64_t{g.groups} * g.channels;
  with_width<T>(g, [&](auto width) {
    launch(ctx, "batch_norm gradient sums", gradient_sums_kernel<width(), T>, g.blocks(),
           dim3(block_threads), 0, g, x.data, dy.data, norm, plain, centred);
    combine_gradients(ctx, g, plain, norm, constant_statistics, over_ranks, a, dgamma, dbeta);
    if (dx.data != nullptr && dx.numel() > 0)
      launch(ctx, "batch_norm dx", input_gradient_kernel<width(), T>, g.blocks(),
             dim3(block_threads), 0, g, x.data, dy.data, norm, a, b, dx.data);
  });
}

#define WEFT_INSTANTIATE(T)                                                                        \
  template void batch_norm_statistics<T>(CudaContext&, View<const T>, const BatchNormOptions&,     \
                                         View<float>, View<float>, View<float>, View<float>);      \
  template void batch_norm_recall<T>(CudaContext&, View<const float>, View<const float>, double,   \
                                     View<float>, View<float>);                                    \
  template void batch_norm_forward(CudaContext&, View<const T>, const Normalisation<T>&, View<T>); \
  template void batch_norm_backward<T>(CudaContext&, View<const T>, View<const T>,                 \
                                       const Normalisation<T>&, bool, View<T>, View<float>,        \
                                       View<float>);                                               \
  template void combine_gradients<T>(CudaContext&, const Partition&, const float*,                 \
                                     const Normalisation<T>&, bool, bool, float*, View<float>,     \
                                     View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
