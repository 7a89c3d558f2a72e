// How batch norm on the GPU divides its work, and how it adds up what the parts found. x is cut
// into chunks of rows and strips of channels by the shape alone. A thread owns `width` neighbouring
// channels of up to 8 rows, which it loads all at once and keeps in registers, so that memory is
// busy and read once; threads that own the same channels are combined pairwise.
#pragma once

#include <algorithm>

#include "ops/batch_norm.h"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {

constexpr int held_rows = 8;     // of one thread
constexpr int most_groups = 16;  // whose weights fit one launch

/// x as [groups, rows, channels], cut into chunks of rows and strips of channels. A block of
/// `threads` stands `across` threads wide, `strip` bytes, and `down` high.
struct Partition {
  int64_t rows;
  int groups, channels, width, across = 1, down, chunk, chunks, strips;

  Partition(const Shape& x, int64_t group_count, int vector, int vector_across, int threads)
      : rows(x.outer(x.rank() - 1) / group_count),
        groups(static_cast<int>(group_count)),
        channels(static_cast<int>(x.back())),
        width(channels % vector == 0 ? vector : 1) {
    const int most = width == 1 ? 32 : vector_across;
    while (across < most && across * width < channels) across *= 2;
    down = threads / across;
    chunk = held_rows * down;
    chunks = static_cast<int>(std::max<int64_t>(1, blocks_for(rows, chunk)));
    strips = static_cast<int>(blocks_for(channels, int64_t{across} * width));
  }
  dim3 blocks() const {
    return {static_cast<unsigned>(chunks), static_cast<unsigned>(strips),
            static_cast<unsigned>(groups)};
  }
  size_t parts() const { return static_cast<size_t>(groups) * chunks * channels; }
};

/// Where this thread stands.
struct ThreadPart {
  int group, chunk, channel, down;  ///< its first channel; its first row in the chunk
  bool inside;                      ///< its channels exist
  __device__ explicit ThreadPart(const Partition& g)
      : group(static_cast<int>(blockIdx.z)),
        chunk(static_cast<int>(blockIdx.x)),
        channel(static_cast<int>((blockIdx.y * g.across + threadIdx.x % g.across) * g.width)),
        down(static_cast<int>(threadIdx.x) / g.across),
        inside(channel < g.channels) {}
  /// Row k of this thread's, in its group.
  __device__ int64_t row(const Partition& g, int k) const {
    return int64_t{chunk} * g.chunk + down + int64_t{k} * g.down;
  }
  __device__ int64_t element(const Partition& g, int k) const {
    return (int64_t{group} * g.rows + row(g, k)) * g.channels + channel;
  }
  /// Where the chunk's sums of these channels go: parts are [G, chunks, C].
  __device__ int64_t part(const Partition& g) const {
    return (int64_t{group} * g.chunks + chunk) * g.channels + channel;
  }
};

/// This thread's part of x: rows 0 .. count-1 are there.
template <int width, class T>
struct Rows {
  struct alignas(width * sizeof(T)) Row {
    T at[width];
  };
  Row row[held_rows];
  int count = 0;

  __device__ Rows(const Partition& g, const ThreadPart& at, const T* x) {
#pragma unroll
    for (int k = 0; k < held_rows; ++k) {
      if (!at.inside || at.row(g, k) >= g.rows) continue;
      row[k] = *reinterpret_cast<const Row*>(x + at.element(g, k));
      ++count;
    }
  }
  __device__ float operator()(int k, int i) const { return load(row[k].at + i); }
};

/// By channel, what turns x into y again and dy into dx; forward and backward share its arithmetic.
template <int width>
struct Affine {
  float mean[width], scale[width], beta[width];
  template <class T>
  __device__ Affine(const Partition& g, const ThreadPart& place, const Normalisation<T>& norm) {
    const int64_t at = int64_t{place.group} * g.channels + place.channel;
#pragma unroll
    for (int i = 0; i < width; ++i) {
      mean[i] = norm.mean.data[at + i];
      scale[i] = norm.gamma.data[place.channel + i] * norm.invstd.data[at + i];
      beta[i] = norm.beta.data[place.channel + i];
    }
  }
  __device__ float operator()(float x, int i) const {
    return __fadd_rn(__fmul_rn(__fsub_rn(x, mean[i]), scale[i]), beta[i]);
  }
};

/// y of this thread's rows.
template <int width, class T>
__device__ void normalise(const Partition& g, const ThreadPart& at, const Rows<width, T>& x,
                          const Affine<width>& affine, bool relu, T* y) {
#pragma unroll
  for (int k = 0; k < held_rows; ++k) {
    if (k >= x.count) break;
    float v[width];
#pragma unroll
    for (int i = 0; i < width; ++i) {
      v[i] = affine(x(k, i), i);
      if (relu) v[i] = v[i] < 0 ? 0.0F : v[i];
    }
    write(y + at.element(g, k), v);
  }
}

/// dy of an element, where a relu behind y let it pass.
template <int width>
__device__ float before_relu(const Affine<width>& affine, bool relu, float x, float dy, int i) {
  return relu && !(affine(x, i) > 0) ? 0.0F : dy;
}

/// dx = scale (dy - a - (x - mean) b) of this thread's rows.
template <int width, class T>
__device__ void input_gradient(const Partition& g, const ThreadPart& at, const Rows<width, T>& x,
                               const Rows<width, T>& dy, const Affine<width>& affine, bool relu,
                               const float (&a)[width], const float (&b)[width], T* dx) {
#pragma unroll
  for (int k = 0; k < held_rows; ++k) {
    if (k >= x.count) break;
    float d[width];
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const float v = x(k, i);
      d[i] = before_relu(affine, relu, v, dy(k, i), i);
      d[i] = affine.scale[i] * (d[i] - a[i] - (v - affine.mean[i]) * b[i]);
    }
    write(dx + at.element(g, k), d);
  }
}

/// Count, mean and squared deviations of some rows, by channel (Chan, Golub and LeVeque 1983).
template <int width>
struct Moments {
  float count, mean[width] = {}, square[width] = {};

  template <class T>
  __device__ explicit Moments(const Rows<width, T>& x) : count(static_cast<float>(x.count)) {
    const float by = 1 / fmaxf(count, 1);
#pragma unroll
    for (int i = 0; i < width; ++i) {
#pragma unroll
      for (int k = 0; k < held_rows; ++k)
        if (k < x.count) mean[i] += x(k, i);
      mean[i] *= by;
#pragma unroll
      for (int k = 0; k < held_rows; ++k)
        if (k < x.count) square[i] += (x(k, i) - mean[i]) * (x(k, i) - mean[i]);
    }
  }
};

/// Joins the moments of all threads that own the same channels, pairwise; the first gets the total.
template <int threads, int width>
__device__ void join_down(const Partition& g, Moments<width>& m) {
  __shared__ float means[width][threads], squares[width][threads], counts[threads];
  const int thread = static_cast<int>(threadIdx.x), down = thread / g.across;
  __syncthreads();
#pragma unroll
  for (int i = 0; i < width; ++i) {
    means[i][thread] = m.mean[i];
    squares[i][thread] = m.square[i];
  }
  counts[thread] = m.count;
  __syncthreads();
  for (int stride = 1; stride < g.down; stride *= 2) {
    const int other = thread + stride * g.across;
    if (down % (2 * stride) == 0 && counts[other] > 0) {
      const float share = counts[other] / (m.count + counts[other]);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const float apart = means[i][other] - m.mean[i];
        m.mean[i] += apart * share;
        m.square[i] += squares[i][other] + apart * apart * (share * m.count);
        means[i][thread] = m.mean[i];
        squares[i][thread] = m.square[i];
      }
      m.count += counts[other];
      counts[thread] = m.count;
    }
    __syncthreads();
  }
}

/// A channel's sums of dy and of dy (x - mean), of this thread's rows.
template <int width>
struct GradientSums {
  float plain[width] = {}, centred[width] = {};

  template <class T>
  __device__ GradientSums(const Rows<width, T>& x, const Rows<width, T>& dy,
                          const Affine<width>& affine, bool relu) {
#pragma unroll
    for (int k = 0; k < held_rows; ++k) {
      if (k >= x.count) break;
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const float d = before_relu(affine, relu, x(k, i), dy(k, i), i);
        plain[i] += d;
        centred[i] += d * (x(k, i) - affine.mean[i]);
      }
    }
  }
};

/// Adds the sums of all threads that own the same channels, pairwise; every one gets the total.
template <int threads, int width>
__device__ void join_down(const Partition& g, GradientSums<width>& sums) {
  __shared__ float plain[width][threads], centred[width][threads];
  const int thread = static_cast<int>(threadIdx.x), down = thread / g.across;
  __syncthreads();
#pragma unroll
  for (int i = 0; i < width; ++i) {
    plain[i][thread] = sums.plain[i];
    centred[i][thread] = sums.centred[i];
  }
  __syncthreads();
  for (int stride = 1; stride < g.down; stride *= 2) {
    if (down % (2 * stride) == 0)
#pragma unroll
      for (int i = 0; i < width; ++i) {
        plain[i][thread] += plain[i][thread + stride * g.across];
        centred[i][thread] += centred[i][thread + stride * g.across];
      }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < width; ++i) {
    sums.plain[i] = plain[i][thread % g.across];
    sums.centred[i] = centred[i][thread % g.across];
  }
}

/// What is added to the running statistics: a few groups a launch, in order.
struct Running {
  float *mean, *var;
  int first_group, count;
  double keep;  ///< 1 after the first launch
  double weight[most_groups];
};

inline Running running_update(const BatchNormOptions& options, View<float> mean, View<float> var,
                              int first_group) {
  const int groups = static_cast<int>(options.group_weights.size());
  Running running{mean.data,
                  var.data,
                  first_group,
                  std::min(most_groups, groups - first_group),
                  first_group == 0 ? options.keep : 1.0,
                  {}};
  for (int i = 0; i < running.count; ++i)
    running.weight[i] = options.group_weights[static_cast<size_t>(first_group + i)];
  return running;
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

}  // namespace weft::kernels
