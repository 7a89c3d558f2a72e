// Batch norm on the GPU. A block owns a chunk of rows of one group and a strip of channels:
// `across` threads side by side, each with `width` neighbouring channels, times `down` rows at
// once. A chunk's mean and squared deviations are found in two passes over rows that the second
// finds in cache, the threads of a column are combined pairwise; a second kernel combines the
// chunks in order, in double (Chan, Golub and LeVeque 1983). Backward adds up dy and dy (x - mean)
// the same way. All sizes follow from the shape alone.
#include <cmath>

#include "ops/batch_norm.h"
#include "ops/batch_norm_cuda.cuh"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {
namespace {

constexpr int most_groups = 16;  // whose weights fit one launch of the combining kernel

/// parts: means [G, chunks, C], then squared deviations of the same shape.
template <int width, class T>
__global__ void moments_kernel(Partition g, const T* x, float* means, float* squares) {
  const ThreadPart at(g);
  float mean[width] = {}, first[width] = {}, second[width] = {};
  if (at.inside)
    for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
      float v[width];
      read(x + at.element(g, row), v);
#pragma unroll
      for (int i = 0; i < width; ++i) mean[i] += v[i];
    }
  combine_down(g, mean);
  const float n = static_cast<float>(at.end - at.first);
#pragma unroll
  for (int i = 0; i < width; ++i) mean[i] /= n;
  if (at.inside)
    for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
      float v[width];
      read(x + at.element(g, row), v);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const float d = v[i] - mean[i];
        first[i] += d;
        second[i] += d * d;
      }
    }
  combine_down(g, first);
  combine_down(g, second);
  if (!at.inside || at.down != 0) return;
  const int64_t to = (int64_t{blockIdx.z} * g.chunks + blockIdx.y) * g.channels + at.channel;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    means[to + i] = mean[i] + first[i] / n;
    squares[to + i] = second[i] - first[i] * (first[i] / n);
  }
}

/// What the combining kernel adds to the running statistics: a few groups a launch, in order.
struct Running {
  float *mean, *var;
  int first_group, count;
  double keep;  ///< 1 after the first launch
  double weight[most_groups];
};

__global__ void combine_moments_kernel(Partition g, const float* means, const float* squares,
                                       double eps, Running running, float* mean, float* invstd) {
  const int c = blockIdx.x * channels_a_block + threadIdx.x / warp_threads;
  if (c >= g.channels) return;
  double new_mean = running.keep * running.mean[c], new_var = running.keep * running.var[c];
  const double n = static_cast<double>(g.rows);
  for (int i = 0; i < running.count; ++i) {
    const int group = running.first_group + i;
    const Moments all = combine_chunks<Moments>(g.chunks, [&](int chunk) {
      const int64_t from = (int64_t{group} * g.chunks + chunk) * g.channels + c;
      const int64_t left = g.rows - int64_t{chunk} * g.chunk;
      return Moments{static_cast<double>(left < g.chunk ? left : g.chunk), means[from],
                     squares[from]};
    });
    const double square = all.square < 0 ? 0 : all.square;  // in this order a NaN stays a NaN
    new_mean += running.weight[i] * all.mean;
    new_var += running.weight[i] * (square / (n - 1));
    if (threadIdx.x % warp_threads != 0) continue;
    mean[group * g.channels + c] = static_cast<float>(all.mean);
    invstd[group * g.channels + c] = static_cast<float>(1 / sqrt(square / n + eps));
  }
  if (threadIdx.x % warp_threads != 0) return;
  running.mean[c] = static_cast<float>(new_mean);
  running.var[c] = static_cast<float>(new_var);
}

/// By channel, what turns x into y again and dy into dx; forward and backward share its arithmetic.
template <int width>
struct Affine {
  float mean[width], scale[width], beta[width];
  template <class T>
  __device__ Affine(const Partition& g, const Normalisation<T>& norm, int channel) {
    const int64_t at = int64_t{blockIdx.z} * g.channels + channel;
#pragma unroll
    for (int i = 0; i < width; ++i) {
      mean[i] = norm.mean.data[at + i];
      scale[i] = norm.gamma.data[channel + i] * norm.invstd.data[at + i];
      beta[i] = norm.beta.data[channel + i];
    }
  }
  __device__ float operator()(float x, int i) const {
    return __fadd_rn(__fmul_rn(__fsub_rn(x, mean[i]), scale[i]), beta[i]);
  }
};

template <int width, class T>
__global__ void normalise_kernel(Partition g, const T* x, Normalisation<T> norm, T* y) {
  const ThreadPart at(g);
  if (!at.inside) return;
  const Affine<width> affine(g, norm, at.channel);
  for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
    float v[width];
    read(x + at.element(g, row), v);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      v[i] = affine(v[i], i);
      if (norm.relu) v[i] = v[i] < 0 ? 0.0F : v[i];
    }
    write(y + at.element(g, row), v);
  }
}

/// parts: sums of dy [G, chunks, C], then of dy (x - mean).
template <int width, class T>
__global__ void gradient_sums_kernel(Partition g, const T* x, const T* dy, Normalisation<T> norm,
                                     float* plain, float* centred) {
  const ThreadPart at(g);
  float first[width] = {}, second[width] = {};
  if (at.inside) {
    const Affine<width> affine(g, norm, at.channel);
    for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
      float v[width], d[width];
      read(x + at.element(g, row), v);
      read(dy + at.element(g, row), d);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        if (norm.relu && !(affine(v[i], i) > 0)) d[i] = 0;
        first[i] += d[i];
        second[i] += d[i] * (v[i] - affine.mean[i]);
      }
    }
  }
  combine_down(g, first);
  combine_down(g, second);
  if (!at.inside || at.down != 0) return;
  const int64_t to = (int64_t{blockIdx.z} * g.chunks + blockIdx.y) * g.channels + at.channel;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    plain[to + i] = first[i];
    centred[to + i] = second[i];
  }
}

/// dgamma and dbeta, and for dx: a = mean of dy, b = mean of dy (x - mean) / var, by group.
template <class T>
__global__ void combine_gradients_kernel(Partition g, const float* plain, const float* centred,
                                         Normalisation<T> norm, bool constant_statistics, float* a,
                                         float* b, float* dgamma, float* dbeta) {
  const int c = blockIdx.x * channels_a_block + threadIdx.x / warp_threads;
  if (c >= g.channels) return;
  double of_gamma = 0, of_beta = 0;
  const double n = static_cast<double>(g.rows);
  for (int group = 0; group < g.groups; ++group) {
    const GradientSums sums = combine_chunks<GradientSums>(g.chunks, [&](int chunk) {
      const int64_t from = (int64_t{group} * g.chunks + chunk) * g.channels + c;
      return GradientSums{plain[from], centred[from]};
    });
    const int at = group * g.channels + c;
    const double invstd = norm.invstd.data[at];
    of_beta += sums.plain;
    of_gamma += sums.centred * invstd;
    if (threadIdx.x % warp_threads != 0) continue;
    a[at] = constant_statistics ? 0.0F : static_cast<float>(sums.plain / n);
    b[at] = constant_statistics ? 0.0F : static_cast<float>(sums.centred * invstd * invstd / n);
  }
  if (threadIdx.x % warp_threads != 0) return;
  if (dgamma != nullptr) dgamma[c] = static_cast<float>(of_gamma);
  if (dbeta != nullptr) dbeta[c] = static_cast<float>(of_beta);
}

/// dx = scale (dy - a - (x - mean) b)
template <int width, class T>
__global__ void input_gradient_kernel(Partition g, const T* x, const T* dy, Normalisation<T> norm,
                                      const float* a, const float* b, T* dx) {
  const ThreadPart at(g);
  if (!at.inside) return;
  const Affine<width> affine(g, norm, at.channel);
  const int64_t from = int64_t{blockIdx.z} * g.channels + at.channel;
  float mean_dy[width], slope[width];
#pragma unroll
  for (int i = 0; i < width; ++i) {
    mean_dy[i] = a[from + i];
    slope[i] = b[from + i];
  }
  for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
    float v[width], d[width];
    read(x + at.element(g, row), v);
    read(dy + at.element(g, row), d);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      if (norm.relu && !(affine(v[i], i) > 0)) d[i] = 0;
      d[i] = affine.scale[i] * (d[i] - mean_dy[i] - (v[i] - affine.mean[i]) * slope[i]);
    }
    write(dx + at.element(g, row), d);
  }
}

/// Channels that one thread takes: a vector where every pointer allows it, else one.
template <class T, class... Pointers>
int vector_of(int64_t channels, const Pointers*... pointers) {
  return (fits_vec(pointers, channels) && ...) ? Vec<T>::size : 1;
}

/// f(std::integral_constant<int, width>) for the grid's width.
template <class T, class F>
void with_width(const Partition& g, F&& f) {
  if (g.width == Vec<T>::size)
    f(std::integral_constant<int, Vec<T>::size>{});
  else
    f(std::integral_constant<int, 1>{});
}

dim3 per_channel(const Partition& g) {
  return {static_cast<unsigned>(blocks_for(g.channels, channels_a_block))};
}

Tensor floats(CudaContext& ctx, size_t count) {
  return Tensor::empty({static_cast<int64_t>(count)}, DType::f32, ctx.memory());
}

}  // namespace

template <class T>
void batch_norm_statistics(CudaContext& ctx, View<const T> x, const BatchNormOptions& options,
                           View<stat_t<T>> mean, View<stat_t<T>> invstd,
                           View<stat_t<T>> running_mean, View<stat_t<T>> running_var) {
  const Partition g(x.shape, mean.shape[0], vector_of<T>(x.shape.back(), x.data));
  if (g.channels == 0) return;
  const Tensor parts = floats(ctx, 2 * g.parts());
  float *means = parts.data<float>(), *squares = means + g.parts();
  with_width<T>(g, [&](auto width) {
    launch(ctx, "batch_norm moments", moments_kernel<width(), T>, g.blocks(), dim3(block_threads),
           0, g, x.data, means, squares);
  });
  for (int first = 0; first < g.groups; first += most_groups) {
    Running running{running_mean.data,
                    running_var.data,
                    first,
                    std::min(most_groups, g.groups - first),
                    first == 0 ? options.keep : 1.0,
                    {}};
    for (int i = 0; i < running.count; ++i)
      running.weight[i] = options.group_weights[static_cast<size_t>(first + i)];
    launch(ctx, "batch_norm statistics", combine_moments_kernel, per_channel(g),
           dim3(block_threads), 0, g, means, squares, options.eps, running, mean.data, invstd.data);
  }
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
  const Partition g(x.shape, norm.mean.shape[0], vector_of<T>(x.shape.back(), x.data, y.data));
  with_width<T>(g, [&](auto width) {
    launch(ctx, "batch_norm", normalise_kernel<width(), T>, g.blocks(), dim3(block_threads), 0, g,
           x.data, norm, y.data);
  });
}

template <class T>
void batch_norm_backward(CudaContext& ctx, View<const T> x, View<const T> dy,
                         const Normalisation<T>& norm, bool constant_statistics, View<T> dx,
                         View<stat_t<T>> dgamma, View<stat_t<T>> dbeta) {
  const Partition g(x.shape, norm.mean.shape[0],
                    vector_of<T>(x.shape.back(), x.data, dy.data, dx.data));
  if (g.channels == 0) return;
  const Tensor parts = floats(ctx, 2 * g.parts());
  const Tensor means = floats(ctx, static_cast<size_t>(2 * g.groups) * g.channels);
  float *plain = parts.data<float>(), *centred = plain + g.parts();
  float *a = means.data<float>(), *b = a + int64_t{g.groups} * g.channels;
  with_width<T>(g, [&](auto width) {
    launch(ctx, "batch_norm gradient sums", gradient_sums_kernel<width(), T>, g.blocks(),
           dim3(block_threads), 0, g, x.data, dy.data, norm, plain, centred);
    launch(ctx, "batch_norm gradients", combine_gradients_kernel<T>, per_channel(g),
           dim3(block_threads), 0, g, plain, centred, norm, constant_statistics, a, b, dgamma.data,
           dbeta.data);
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
                                       View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
