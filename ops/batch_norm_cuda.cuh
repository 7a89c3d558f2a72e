// How batch norm on the GPU divides its work, and how it adds up what the parts found. x is cut
// into chunks of rows and strips of channels by the shape alone. A thread owns `width` neighbouring
// channels of up to 8 rows, which it loads all at once and keeps in registers, so that memory is
// busy and read once; threads of a warp that own the same channels are combined pairwise by shuffles,
// then the warps in order. A block's work is a few microseconds: what it does beside reading counts.
#pragma once

#include <algorithm>

#include "ops/batch_norm.h"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {

constexpr int held_rows = 8;       // of one thread
constexpr int most_groups = 16;    // whose weights fit one launch
constexpr int most_columns = 64;   // of one strip: 128 bytes of bf16
constexpr int vectors_across = 8;  // of a chunk: 128 bytes side by side are what memory moves

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
  /// Neighbouring blocks read neighbouring bytes: the strips of a chunk, then those of the next.
  dim3 blocks() const {
    return {static_cast<unsigned>(chunks) * strips, 1, static_cast<unsigned>(groups)};
  }
  size_t parts() const { return static_cast<size_t>(groups) * chunks * channels; }
};

/// Where this thread stands.
struct ThreadPart {
  int group, chunk, channel, down;  ///< its first channel; its first row in the chunk
  bool inside;                      ///< its channels exist
  __device__ explicit ThreadPart(const Partition& g)
      : group(static_cast<int>(blockIdx.z)),
        chunk(static_cast<int>(blockIdx.x) / g.strips),
        channel(static_cast<int>((blockIdx.x % g.strips * g.across + threadIdx.x % g.across) *
                                 g.width)),
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

/// This thread's part of x: rows 0 .. count-1 are there, the others are zeros.
template <int width, class T>
struct Rows {
  using Row = Packed<T, width>;  // two bf16 a register: 64 elements leave room for other warps
  Row row[held_rows];
  int count = 0;

  __device__ Rows(const Partition& g, const ThreadPart& at, const T* x) {
    const int64_t left = g.rows - at.row(g, 0), step = int64_t{g.down} * g.channels;
    if (at.inside && left > 0) {
      const int64_t rows = (left + g.down - 1) / g.down;
      count = rows < held_rows ? static_cast<int>(rows) : held_rows;
    }
    const T* const from = x + at.element(g, 0);
    if (count == held_rows) {
#pragma unroll
      for (int k = 0; k < held_rows; ++k) row[k] = *reinterpret_cast<const Row*>(from + k * step);
    } else {
#pragma unroll
      for (int k = 0; k < held_rows; ++k)
        row[k] = k < count ? *reinterpret_cast<const Row*>(from + k * step) : Row{};
    }
  }
  __device__ float operator()(int k, int i) const { return row[k][i]; }
};

/// By channel, what turns x into y again and dy into dx; forward and backward share its arithmetic.
template <int width>
struct Affine {
  float mean[width], scale[width], beta[width];
  template <class T>
  __device__ Affine(const Partition& g, const ThreadPart& place, const Normalisation<T>& norm) {
    const int64_t at = int64_t{place.group} * g.channels + place.channel;
    float invstd[width];
    read(norm.mean.data + at, mean);
    read(norm.invstd.data + at, invstd);
    read(norm.gamma.data + place.channel, scale);
    read(norm.beta.data + place.channel, beta);
#pragma unroll
    for (int i = 0; i < width; ++i) scale[i] *= invstd[i];
  }
  __device__ float operator()(float x, int i) const {
    return __fadd_rn(__fmul_rn(__fsub_rn(x, mean[i]), scale[i]), beta[i]);
  }
};

/// y of this thread's rows.
template <int width, class T>
__device__ void normalise(const Partition& g, const ThreadPart& at, const Rows<width, T>& x,
                          const Affine<width>& affine, bool relu, T* y) {
  T* const to = y + at.element(g, 0);
  const int64_t step = int64_t{g.down} * g.channels;
#pragma unroll
  for (int k = 0; k < held_rows; ++k) {
    if (k >= x.count) break;
    float v[width];
#pragma unroll
    for (int i = 0; i < width; ++i) {
      v[i] = affine(x(k, i), i);
      if (relu) v[i] = v[i] < 0 ? 0.0F : v[i];
    }
    write(to + k * step, v);
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
  T* const to = dx + at.element(g, 0);
  const int64_t step = int64_t{g.down} * g.channels;
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
    write(to + k * step, d);
  }
}

/// Count, mean and squared deviations of some rows, by channel (Chan, Golub and LeVeque 1983).
template <int width>
struct Moments {
  float count = 0, mean[width] = {}, square[width] = {};

  Moments() = default;
  template <class T>
  __device__ explicit Moments(const Rows<width, T>& x) : count(static_cast<float>(x.count)) {
    const float by = 1 / fmaxf(count, 1);
#pragma unroll
    for (int k = 0; k < held_rows; ++k)
#pragma unroll
      for (int i = 0; i < width; ++i) mean[i] += x(k, i);
#pragma unroll
    for (int i = 0; i < width; ++i) mean[i] *= by;
#pragma unroll
    for (int k = 0; k < held_rows; ++k) {
      if (k >= x.count) break;
#pragma unroll
      for (int i = 0; i < width; ++i) square[i] += (x(k, i) - mean[i]) * (x(k, i) - mean[i]);
    }
  }
  __device__ void add(float other_count, const float (&other_mean)[width],
                      const float (&other_square)[width]) {
    if (!(other_count > 0)) return;
    const float share = other_count / (count + other_count);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const float apart = other_mean[i] - mean[i];
      mean[i] += apart * share;
      square[i] += other_square[i] + apart * apart * (share * count);
    }
    count += other_count;
  }
};

/// Joins the moments of all threads that own the same channels; every one gets the total.
template <int threads, int width>
__device__ void join_down(const Partition& g, Moments<width>& m) {
  constexpr int warps = threads / warp_threads;
  __shared__ float means[warps][most_columns], squares[warps][most_columns], counts[warps];
  for (int offset = g.across; offset < warp_threads; offset *= 2) {  // of lanes further down
    float mean[width], square[width];
    const float count = __shfl_down_sync(whole_warp, m.count, offset);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      mean[i] = __shfl_down_sync(whole_warp, m.mean[i], offset);
      square[i] = __shfl_down_sync(whole_warp, m.square[i], offset);
    }
    m.add(count, mean, square);
  }
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / warp_threads, lane = thread % warp_threads, columns = g.across * width;
  __syncthreads();
  if (lane < g.across)
#pragma unroll
    for (int i = 0; i < width; ++i) {
      means[warp][lane * width + i] = m.mean[i];
      squares[warp][lane * width + i] = m.square[i];
    }
  if (lane == 0) counts[warp] = m.count;
  __syncthreads();
  if (thread < columns) {
    Moments<1> total;
    for (int w = 0; w < warps; ++w) total.add(counts[w], {means[w][thread]}, {squares[w][thread]});
    means[0][thread] = total.mean[0];
    squares[0][thread] = total.square[0];
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < width; ++i) {
    m.mean[i] = means[0][thread % g.across * width + i];
    m.square[i] = squares[0][thread % g.across * width + i];
  }
}

/// A channel's sums of dy and of dy (x - mean), of this thread's rows.
template <int width>
struct GradientSums {
  float plain[width] = {}, centred[width] = {};

  GradientSums() = default;
  template <class T>
  __device__ GradientSums(const Rows<width, T>& x, const Rows<width, T>& dy,
                          const Affine<width>& affine, bool relu) {
#pragma unroll
    for (int k = 0; k < held_rows; ++k) {  // of rows that are not there dy is 0
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const float d = before_relu(affine, relu, x(k, i), dy(k, i), i);
        plain[i] += d;
        centred[i] += d * (x(k, i) - affine.mean[i]);
      }
    }
  }
};

/// Adds the sums of all threads that own the same channels; every one gets the total.
template <int threads, int width>
__device__ void join_down(const Partition& g, GradientSums<width>& sums) {
  constexpr int warps = threads / warp_threads;
  __shared__ float parts[warps][2][most_columns];
  for (int offset = g.across; offset < warp_threads; offset *= 2)
#pragma unroll
    for (int i = 0; i < width; ++i) {
      sums.plain[i] += __shfl_xor_sync(whole_warp, sums.plain[i], offset);
      sums.centred[i] += __shfl_xor_sync(whole_warp, sums.centred[i], offset);
    }
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / warp_threads, lane = thread % warp_threads, columns = g.across * width;
  __syncthreads();
  if (lane < g.across)
#pragma unroll
    for (int i = 0; i < width; ++i) {
      parts[warp][0][lane * width + i] = sums.plain[i];
      parts[warp][1][lane * width + i] = sums.centred[i];
    }
  __syncthreads();
  if (thread < 2 * columns) {
    const int which = thread / columns, column = thread % columns;
    float total = parts[0][which][column];
    for (int w = 1; w < warps; ++w) total += parts[w][which][column];
    parts[0][which][column] = total;
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < width; ++i) {
    sums.plain[i] = parts[0][0][thread % g.across * width + i];
    sums.centred[i] = parts[0][1][thread % g.across * width + i];
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
int vector_of(int64_t channels, const Normalisation<T>& norm, const Pointers*... pointers) {
  const bool by_channel = is_aligned(norm.mean.data) && is_aligned(norm.invstd.data) &&
                          is_aligned(norm.gamma.data) && is_aligned(norm.beta.data);
  return by_channel && (fits_vec(pointers, channels) && ...) ? Vec<T>::size : 1;
}

/// From chunks' sums of dy, and behind them of dy (x - mean), [G, chunks, C] each: dgamma and dbeta, and
/// slopes of input_gradient(), a and behind it b [G, C], over all ranks' rows where asked for.
template <class T>
void combine_gradients(CudaContext&, const Partition&, const float* sums, const Normalisation<T>&,
                       bool constant_statistics, bool over_ranks, float* slopes, View<float> dgamma,
                       View<float> dbeta);

/// f(std::integral_constant<int, width>) for the grid's width.
template <class T, class F>
void with_width(const Partition& g, F&& f) {
  if (g.width == Vec<T>::size)
    f(std::integral_constant<int, Vec<T>::size>{});
  else
    f(std::integral_constant<int, 1>{});
}

}  // namespace weft::kernels
