// layer_norm and group_norm on the GPU. A segment is what shares a mean: a picture's pixels, of
// each the neighbouring channels of one group. Up to 32 lanes of a warp take a chunk of one in
// units of `width` neighbours, lane, lane + lanes, .. in order, and are combined pairwise by
// shuffles. A segment of one chunk, as layer norm's rows are, is then finished in the same kernel,
// from cache; where there are more, a warp combines them in double (ops/column_sums_cuda.cuh), and
// another kernel finishes. dgamma and dbeta are column sums. All sizes follow
// from the shapes alone.
#include "ops/column_sums_cuda.cuh"
#include "ops/layer_norm.h"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {
namespace {

/// x as [samples, pixels, groups, across units of `width` channels], segments in chunks of units.
struct Segments {
  static constexpr int64_t chunk = 2048;
  int64_t count, pixels, units;  ///< segments; pixels and units of one
  int groups, across, pitch;     ///< pitch: units from pixel to pixel
  int width, lanes, chunks;

  Segments(const Shape& x, const Shape& statistics, int vector)
      : count(statistics.numel()), groups(static_cast<int>(statistics[1])), lanes(1) {
    const int64_t samples = statistics[0], channels = x.back();
    pixels = samples == 0 ? 0 : x.outer(x.rank() - 1) / samples;
    width = channels / groups % vector == 0 ? vector : 1;
    pitch = static_cast<int>(channels / width);
    across = pitch / groups;
    units = pixels * across;
    while (lanes < 32 && 2 * lanes < units) lanes *= 2;
    chunks = static_cast<int>(blocks_for(units, chunk));
  }
  __host__ __device__ int64_t parts() const { return count * chunks; }
  dim3 blocks() const {
    return {static_cast<unsigned>(blocks_for(parts() * lanes, block_threads))};
  }
  /// One warp a segment.
  dim3 blocks_of_segments() const {
    return {static_cast<unsigned>(blocks_for(count, channels_a_block))};
  }
  __device__ int64_t units_in(int index) const {
    const int64_t left = units - index * chunk;
    return left < chunk ? left : chunk;
  }
};

/// A chunk of a segment as its lanes see it; every lane of a warp goes through the same shuffles,
/// with a chunk or without.
template <int width>
struct Team {
  int64_t part, segment, first = 0, at = 0, end = 0;  ///< units: this lane's first; its place in x
  int lane, unit = 0, channel = 0;  ///< the first unit among its group's; the group's channel 0
  const Segments& s;

  __device__ explicit Team(const Segments& segments) : s(segments) {
    const int64_t thread = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    lane = static_cast<int>(thread % s.lanes);
    part = thread / s.lanes;
    segment = part / s.chunks;
    if (!inside()) return;
    const auto index = static_cast<int>(part % s.chunks);
    const int64_t sample = segment / s.groups;
    const auto group = static_cast<int>(segment % s.groups);
    first = index * Segments::chunk + lane;
    end = index * Segments::chunk + s.units_in(index);
    unit = static_cast<int>(first % s.across);
    at = (sample * s.pixels + first / s.across) * s.pitch + int64_t{group} * s.across + unit;
    channel = group * s.across * width;
  }
  __device__ bool inside() const { return part < s.parts(); }
  /// f(first element, its channel) for every unit of this lane, in order.
  template <class F>
  __device__ void each(F f) const {
    const int step_pixels = s.lanes / s.across, step_units = s.lanes % s.across;
    int64_t place = at;
    int u = unit;
    for (int64_t i = first; i < end; i += s.lanes) {
      f(place * width, channel + u * width);
      place += int64_t{step_pixels} * s.pitch + step_units;
      u += step_units;
      if (u >= s.across) {  // on to the next pixel
        u -= s.across;
        place += s.pitch - s.across;
      }
    }
  }
  /// The sum of all lanes' values, in each.
  __device__ float total(float value) const {
    for (int step = 1; step < s.lanes; step *= 2) value += __shfl_xor_sync(whole_warp, value, step);
    return value;
  }
};

__device__ float invstd_of(double square, double n, double eps) {
  return static_cast<float>(1 / sqrt((square < 0 ? 0 : square) / n + eps));  // a NaN stays a NaN
}

template <int width, class T>
__device__ void normalise(const Team<width>& team, const T* x, float mean, float invstd,
                          const float* gamma, const float* beta, T* y) {
  team.each([=](int64_t i, int c) {
    float v[width];
    read(x + i, v);
#pragma unroll
    for (int k = 0; k < width; ++k) v[k] = (v[k] - mean) * invstd * gamma[c + k] + beta[c + k];
    write(y + i, v);
  });
}

/// dx = invstd (dy gamma - a - (x - mean) b)
template <int width, class T>
__device__ void input_gradient(const Team<width>& team, const T* x, const T* dy, float mean,
                               float invstd, const float* gamma, float a, float b, T* dx) {
  team.each([=](int64_t i, int c) {
    float v[width], d[width];
    read(x + i, v);
    read(dy + i, d);
#pragma unroll
    for (int k = 0; k < width; ++k) d[k] = invstd * (d[k] * gamma[c + k] - a - (v[k] - mean) * b);
    write(dx + i, d);
  });
}

/// mean, invstd and y where a segment is one chunk; else means and squared deviations by part.
template <int width, class T>
__global__ void forward_kernel(Segments s, const T* x, const float* gamma, const float* beta,
                               double eps, float* part_means, float* part_squares, float* mean,
                               float* invstd, T* y) {
  const Team<width> team(s);
  float sum = 0, first = 0, second = 0;
  team.each([&](int64_t i, int) {
    float v[width];
    read(x + i, v);
#pragma unroll
    for (int k = 0; k < width; ++k) sum += v[k];
  });
  const auto index = static_cast<int>(team.part % s.chunks);
  const float n = static_cast<float>(s.units_in(index) * width);
  const float centre = team.total(sum) / n;
  team.each([&](int64_t i, int) {
    float v[width];
    read(x + i, v);
#pragma unroll
    for (int k = 0; k < width; ++k) {
      const float d = v[k] - centre;
      first += d;
      second += d * d;
    }
  });
  first = team.total(first);
  second = team.total(second);
  if (!team.inside()) return;
  const float of_mean = centre + first / n, square = second - first * (first / n);
  if (s.chunks > 1) {
    if (team.lane != 0) return;
    part_means[team.part] = of_mean;
    part_squares[team.part] = square;
    return;
  }
  const float scale = invstd_of(square, n, eps);
  if (team.lane == 0) {
    mean[team.segment] = of_mean;
    invstd[team.segment] = scale;
  }
  normalise(team, x, of_mean, scale, gamma, beta, y);
}

template <int width>
__global__ void combine_moments_kernel(Segments s, const float* means, const float* squares,
                                       double eps, float* mean, float* invstd) {
  const int64_t segment = int64_t{blockIdx.x} * channels_a_block + threadIdx.x / warp_threads;
  if (segment >= s.count) return;
  const ChunkMoments all = combine_chunks<ChunkMoments>(s.chunks, [&](int index) {
    const int64_t from = segment * s.chunks + index;
    return ChunkMoments{static_cast<double>(s.units_in(index) * width), means[from], squares[from]};
  });
  if (threadIdx.x % warp_threads != 0) return;
  mean[segment] = static_cast<float>(all.mean);
  invstd[segment] = invstd_of(all.square, all.count, eps);
}

template <int width, class T>
__global__ void normalise_kernel(Segments s, const T* x, const float* gamma, const float* beta,
                                 const float* mean, const float* invstd, T* y) {
  const Team<width> team(s);
  if (team.inside()) normalise(team, x, mean[team.segment], invstd[team.segment], gamma, beta, y);
}

/// A segment's sums of g = dy gamma and of g (x - mean), made into dx where it is one chunk.
template <int width, class T>
__global__ void backward_kernel(Segments s, const T* x, const T* dy, const float* gamma,
                                const float* mean, const float* invstd, float* part_plain,
                                float* part_centred, T* dx) {
  const Team<width> team(s);
  const float centre = team.inside() ? mean[team.segment] : 0.0F;
  float plain = 0, centred = 0;
  team.each([&](int64_t i, int c) {
    float v[width], d[width];
    read(x + i, v);
    read(dy + i, d);
#pragma unroll
    for (int k = 0; k < width; ++k) {
      const float g = d[k] * gamma[c + k];
      plain += g;
      centred += g * (v[k] - centre);
    }
  });
  plain = team.total(plain);
  centred = team.total(centred);
  if (!team.inside()) return;
  if (s.chunks > 1) {
    if (team.lane != 0) return;
    part_plain[team.part] = plain;
    part_centred[team.part] = centred;
    return;
  }
  const float n = static_cast<float>(s.units * width), scale = invstd[team.segment];
  input_gradient(team, x, dy, centre, scale, gamma, plain / n, centred * scale * scale / n, dx);
}

/// a = mean of g, b = mean of g (x - mean) / var.
template <int width>
__global__ void combine_sums_kernel(Segments s, const float* plain, const float* centred,
                                    const float* invstd, float* a, float* b) {
  const int64_t segment = int64_t{blockIdx.x} * channels_a_block + threadIdx.x / warp_threads;
  if (segment >= s.count) return;
  const ChunkSums all = combine_chunks<ChunkSums>(s.chunks, [&](int index) {
    const int64_t from = segment * s.chunks + index;
    return ChunkSums{plain[from], centred[from]};
  });
  if (threadIdx.x % warp_threads != 0) return;
  const double n = static_cast<double>(s.units * width), scale = invstd[segment];
  a[segment] = static_cast<float>(all.plain / n);
  b[segment] = static_cast<float>(all.centred * scale * scale / n);
}

template <int width, class T>
__global__ void input_gradient_kernel(Segments s, const T* x, const T* dy, const float* gamma,
                                      const float* mean, const float* invstd, const float* a,
                                      const float* b, T* dx) {
  const Team<width> team(s);
  if (!team.inside()) return;
  const int64_t at = team.segment;
  input_gradient(team, x, dy, mean[at], invstd[at], gamma, a[at], b[at], dx);
}

/// By chunk of rows and channel, the sums of dy and of dy (x - mean) invstd. A thread's channels
/// lie in one group.
template <int width, class T>
__global__ void column_sums_kernel(Columns g, int64_t pixels, int groups, const T* x, const T* dy,
                                   const float* mean, const float* invstd, float* plain,
                                   float* centred) {
  const ColumnPart at(g);
  float first[width] = {}, second[width] = {};
  if (at.inside) {
    const int group = at.channel / (g.channels / groups);
    for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
      const int64_t segment = (pixels == 1 ? row : row / pixels) * groups + group;
      const float m = mean[segment], scale = invstd[segment];
      float v[width], d[width];
      read(x + at.element(g, row), v);
      read(dy + at.element(g, row), d);
#pragma unroll
      for (int k = 0; k < width; ++k) {
        first[k] += d[k];
        second[k] += d[k] * ((v[k] - m) * scale);
      }
    }
  }
  combine_down(g, first);
  combine_down(g, second);
  if (!at.inside || at.down != 0) return;
  const int64_t to = int64_t{blockIdx.y} * g.channels + at.channel;
#pragma unroll
  for (int k = 0; k < width; ++k) {
    plain[to + k] = first[k];
    centred[to + k] = second[k];
  }
}

__global__ void combine_columns_kernel(Columns g, const float* plain, const float* centred,
                                       float* dgamma, float* dbeta) {
  const int c = blockIdx.x * channels_a_block + threadIdx.x / warp_threads;
  if (c >= g.channels) return;
  const ChunkSums all = combine_chunks<ChunkSums>(g.chunks, [&](int chunk) {
    const int64_t from = int64_t{chunk} * g.channels + c;
    return ChunkSums{plain[from], centred[from]};
  });
  if (threadIdx.x % warp_threads != 0) return;
  if (dgamma != nullptr) dgamma[c] = static_cast<float>(all.centred);
  if (dbeta != nullptr) dbeta[c] = static_cast<float>(all.plain);
}

/// f(std::integral_constant<int, width>): a vector of one group's channels where every pointer
/// allows it, else one channel.
template <class T, class F, class... Pointers>
void with_width(const Shape& x, const Shape& statistics, F&& f, const Pointers*... pointers) {
  if ((fits_vec(pointers, x.back() / statistics[1]) && ...))
    f(std::integral_constant<int, Vec<T>::size>{});
  else
    f(std::integral_constant<int, 1>{});
}

Tensor floats(CudaContext& ctx, int64_t count) {
  return Tensor::empty({count}, DType::f32, ctx.memory());
}

/// Two numbers for each part; none where no segment has more than one.
Tensor parts_of(CudaContext& ctx, const Segments& s) {
  return floats(ctx, s.chunks > 1 ? 2 * s.parts() : 0);
}

}  // namespace

template <class T>
void group_norm_forward(CudaContext& ctx, View<const T> x, View<const stat_t<T>> gamma,
                        View<const stat_t<T>> beta, double eps, View<stat_t<T>> mean,
                        View<stat_t<T>> invstd, View<T> y) {
  if (x.numel() == 0) return;
  const auto start = [&](auto width) {
    const Segments s(x.shape, mean.shape, width());
    const Tensor parts = parts_of(ctx, s);
    float *means = parts.data<float>(), *squares = means + (s.chunks > 1 ? s.parts() : 0);
    launch(ctx, "group_norm", forward_kernel<width(), T>, s.blocks(), dim3(block_threads), 0, s,
           x.data, gamma.data, beta.data, eps, means, squares, mean.data, invstd.data, y.data);
    if (s.chunks == 1) return;
    launch(ctx, "group_norm statistics", combine_moments_kernel<width()>, s.blocks_of_segments(),
           dim3(block_threads), 0, s, means, squares, eps, mean.data, invstd.data);
    launch(ctx, "group_norm y", normalise_kernel<width(), T>, s.blocks(), dim3(block_threads), 0, s,
           x.data, gamma.data, beta.data, mean.data, invstd.data, y.data);
  };
  with_width<T>(x.shape, mean.shape, start, x.data, y.data);
}

template <class T>
void group_norm_backward(CudaContext& ctx, View<const T> x, View<const T> dy,
                         View<const stat_t<T>> gamma, View<const stat_t<T>> mean,
                         View<const stat_t<T>> invstd, View<T> dx, View<stat_t<T>> dgamma,
                         View<stat_t<T>> dbeta) {
  const auto dx_of = [&](auto width) {
    const Segments s(x.shape, mean.shape, width());
    const Tensor parts = parts_of(ctx, s);
    float *plain = parts.data<float>(), *centred = plain + (s.chunks > 1 ? s.parts() : 0);
    launch(ctx, "group_norm backward", backward_kernel<width(), T>, s.blocks(), dim3(block_threads),
           0, s, x.data, dy.data, gamma.data, mean.data, invstd.data, plain, centred, dx.data);
    if (s.chunks == 1) return;
    const Tensor means = floats(ctx, 2 * s.count);
    float *a = means.data<float>(), *b = a + s.count;
    launch(ctx, "group_norm gradient sums", combine_sums_kernel<width()>, s.blocks_of_segments(),
           dim3(block_threads), 0, s, plain, centred, invstd.data, a, b);
    launch(ctx, "group_norm dx", input_gradient_kernel<width(), T>, s.blocks(), dim3(block_threads),
           0, s, x.data, dy.data, gamma.data, mean.data, invstd.data, a, b, dx.data);
  };
  if (dx.data != nullptr && dx.numel() > 0)
    with_width<T>(x.shape, mean.shape, dx_of, x.data, dy.data, dx.data);
  if ((dgamma.data == nullptr && dbeta.data == nullptr) || x.shape.back() == 0) return;
  const auto columns = [&](auto width) {
    const Columns g(x.shape, width());
    const int64_t samples = mean.shape[0], pixels = samples == 0 ? 1 : g.rows / samples;
    const Tensor parts = floats(ctx, 2 * static_cast<int64_t>(g.parts()));
    float *plain = parts.data<float>(), *centred = plain + g.parts();
    launch(ctx, "group_norm columns", column_sums_kernel<width(), T>, g.blocks(),
           dim3(block_threads), 0, g, pixels, static_cast<int>(mean.shape[1]), x.data, dy.data,
           mean.data, invstd.data, plain, centred);
    launch(ctx, "group_norm dgamma", combine_columns_kernel,
           dim3(static_cast<unsigned>(blocks_for(g.channels, channels_a_block))),
           dim3(block_threads), 0, g, plain, centred, dgamma.data, dbeta.data);
  };
  with_width<T>(x.shape, mean.shape, columns, x.data, dy.data);
}

#define WEFT_INSTANTIATE(T)                                                                     \
  template void group_norm_forward<T>(CudaContext&, View<const T>, View<const float>,           \
                                      View<const float>, double, View<float>, View<float>,      \
                                      View<T>);                                                 \
  template void group_norm_backward<T>(CudaContext&, View<const T>, View<const T>,              \
                                       View<const float>, View<const float>, View<const float>, \
                                       View<T>, View<float>, View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
