// Batch norm on the CPU, three passes over memory: statistics, normalisation, and in backward the
// two sums and dx. Rows are cut into chunks that fit L2, by group, and channels into pieces, so
// loops run over neighbouring channels and vectorise. A chunk's mean and squared deviations are
// found by the corrected two-pass method while it is in cache; chunks are combined pairwise in
// double (Chan, Golub and LeVeque 1983), those of all ranks too. No f32 sum is of over 128 blocks.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/ranks.h"
#include "engine/reduce_tree.h"
#include "ops/batch_norm.h"
#include "ops/batch_norm_ranks.h"

namespace weft::kernels {
namespace {

constexpr int64_t piece = 256;  // channels at a time
constexpr int64_t block = 8;    // rows added to each other before they are added to a sum

/// x as [groups, rows, channels]; rows in chunks, channels in pieces.
struct Partition {
  int64_t groups, rows, channels, chunk, chunks, pieces;

  Partition(const Shape& x, int64_t group_count)
      : groups(group_count),
        rows(x.outer(x.rank() - 1) / group_count),
        channels(x.back()),
        chunk(std::clamp<int64_t>(
            pointwise_chunk / std::clamp<int64_t>(channels, 1, piece) / block * block, 8 * block,
            128 * block)),
        chunks((rows + chunk - 1) / chunk),
        pieces((channels + piece - 1) / piece) {}

  /// f(group, chunk index, first element, rows, first channel, channels) for each terms.
  template <class F>
  void for_tiles(CpuContext& ctx, F&& f) const {
    ctx.for_chunks(groups * chunks * pieces, 1, [&](int64_t item, int64_t) {
      const int64_t channel = item % pieces * piece, part = item / pieces;
      const int64_t group = part / chunks, row = part % chunks * chunk;
      f(group, part % chunks, (group * rows + row) * channels + channel,
        std::min(chunk, rows - row), channel, std::min(piece, channels - channel));
    });
  }
};

/// sum[j] += x over rows.
template <class T>
void add_rows(const T* x, int64_t rows, int64_t pitch, int64_t width, T* __restrict sum) {
  int64_t row = 0;
  for (; row + block <= rows; row += block, x += block * pitch)
    for (int64_t j = 0; j < width; ++j) {
      const T* __restrict v = x + j;
      sum[j] += ((v[0] + v[pitch]) + (v[2 * pitch] + v[3 * pitch])) +
                ((v[4 * pitch] + v[5 * pitch]) + (v[6 * pitch] + v[7 * pitch]));
    }
  for (; row < rows; ++row, x += pitch)
    for (int64_t j = 0; j < width; ++j) sum[j] += x[j];
}

/// first[j] += x - mean, second[j] += (x - mean)^2 over rows.
template <class T>
void add_deviations(const T* x, int64_t rows, int64_t pitch, int64_t width,
                    const T* __restrict mean, T* __restrict first, T* __restrict second) {
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4, x += 4 * pitch)
    for (int64_t j = 0; j < width; ++j) {
      const T* __restrict v = x + j;
      const T a = v[0] - mean[j], b = v[pitch] - mean[j];
      const T c = v[2 * pitch] - mean[j], d = v[3 * pitch] - mean[j];
      first[j] += (a + b) + (c + d);
      second[j] += (a * a + b * b) + (c * c + d * d);
    }
  for (; row < rows; ++row, x += pitch)
    for (int64_t j = 0; j < width; ++j) {
      const T a = x[j] - mean[j];
      first[j] += a;
      second[j] += a * a;
    }
}

/// Combines chunk means and squared deviations, each [chunks, channels], into the first ones.
void combine_moments(const Partition& g, int64_t channel, int64_t width, double* mean,
                     double* square) {
  const auto count = [&](int64_t chunk, int64_t stride) {
    return static_cast<double>(std::min(stride * g.chunk, g.rows - chunk * g.chunk));
  };
  for (int64_t stride = 1; stride < g.chunks; stride *= 2)
    for (int64_t i = 0; i + stride < g.chunks; i += 2 * stride) {
      const double na = count(i, stride), nb = count(i + stride, stride);
      const double by = nb / (na + nb), cross = na * by;
      double* __restrict mean_a = mean + i * g.channels + channel;
      double* __restrict square_a = square + i * g.channels + channel;
      const double* __restrict mean_b = mean_a + stride * g.channels;
      const double* __restrict square_b = square_a + stride * g.channels;
      for (int64_t j = 0; j < width; ++j) {
        const double delta = mean_b[j] - mean_a[j];
        mean_a[j] += delta * by;
        square_a[j] += square_b[j] + delta * delta * cross;
      }
    }
}

/// scale[g, c] = gamma invstd
template <class T>
Tensor scales(CpuContext& ctx, const Normalisation<T>& norm) {
  const Tensor scale = Tensor::empty(norm.invstd.shape, dtype_of<T>(), ctx.memory());
  T* out = scale.data<T>();
  const int64_t channels = norm.gamma.numel();
  for (int64_t i = 0; i < norm.invstd.numel(); ++i)
    out[i] = norm.gamma[i % channels] * norm.invstd[i];
  return scale;
}

/// By channel, what a tile needs to turn x into y again and dy into dx.
template <class T>
struct ChannelTerms {
  const T *mean, *scale, *beta;

  /// dy where the fused relu let y through; exactly the forward pass's arithmetic.
  template <bool relu>
  T masked(T x, T dy, int64_t j) const {
    if constexpr (relu)
      return (x - mean[j]) * scale[j] + beta[j] > T(0) ? dy : T(0);
    else
      return dy;
  }
};

/// first[j] += dy, second[j] += dy (x - mean), over rows.
template <bool relu, class T>
void add_gradients(const T* x, const T* dy, int64_t rows, int64_t pitch, int64_t width,
                   const ChannelTerms<T>& terms, T* __restrict first, T* __restrict second) {
  const T* __restrict mean = terms.mean;
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4, x += 4 * pitch, dy += 4 * pitch)
    for (int64_t j = 0; j < width; ++j) {
      const T* __restrict v = x + j;
      const T* __restrict g = dy + j;
      const T a = terms.template masked<relu>(v[0], g[0], j);
      const T b = terms.template masked<relu>(v[pitch], g[pitch], j);
      const T c = terms.template masked<relu>(v[2 * pitch], g[2 * pitch], j);
      const T d = terms.template masked<relu>(v[3 * pitch], g[3 * pitch], j);
      first[j] += (a + b) + (c + d);
      second[j] += (a * (v[0] - mean[j]) + b * (v[pitch] - mean[j])) +
                   (c * (v[2 * pitch] - mean[j]) + d * (v[3 * pitch] - mean[j]));
    }
  for (; row < rows; ++row, x += pitch, dy += pitch)
    for (int64_t j = 0; j < width; ++j) {
      const T a = terms.template masked<relu>(x[j], dy[j], j);
      first[j] += a;
      second[j] += a * (x[j] - mean[j]);
    }
}

/// sums [G, 2, C] in double: of dy, and of dy (x - mean).
template <bool relu, class T>
std::vector<double> gradient_sums(CpuContext& ctx, const Partition& g, const T* x, const T* dy,
                                  const Normalisation<T>& norm, const T* scale) {
  const int64_t width = 2 * g.channels;
  std::vector<double> parts(static_cast<size_t>(g.groups * g.chunks * width));
  g.for_tiles(ctx, [&](int64_t group, int64_t chunk, int64_t at, int64_t rows, int64_t channel,
                       int64_t count) {
    const int64_t from = group * g.channels + channel;
    const ChannelTerms<T> terms{norm.mean.data + from, scale + from, norm.beta.data + channel};
    T first[piece] = {}, second[piece] = {};
    add_gradients<relu>(x + at, dy + at, rows, g.channels, count, terms, first, second);
    double* out = parts.data() + (group * g.chunks + chunk) * width + channel;
    std::copy(first, first + count, out);
    std::copy(second, second + count, out + g.channels);
  });
  std::vector<double> sums(static_cast<size_t>(g.groups * width));
  if (g.rows == 0) return sums;
  for (int64_t group = 0; group < g.groups; ++group) {
    double* from = parts.data() + group * g.chunks * width;
    combine_columns(ctx, from, g.chunks, width);
    std::copy(from, from + width, sums.begin() + group * width);
  }
  return sums;
}

/// dx = scale (dy - a - (x - mean) b), a and b by group and channel.
template <bool relu, class T>
void input_gradient(CpuContext& ctx, const Partition& g, const T* x, const T* dy,
                    const Normalisation<T>& norm, const T* scale, const T* a, const T* b, T* dx) {
  g.for_tiles(
      ctx, [&](int64_t group, int64_t, int64_t at, int64_t rows, int64_t channel, int64_t width) {
        const int64_t from = group * g.channels + channel;
        const ChannelTerms<T> terms{norm.mean.data + from, scale + from, norm.beta.data + channel};
        const T* __restrict first = a + from, * __restrict second = b + from;
        for (int64_t row = 0; row < rows; ++row) {
          const T* __restrict in = x + at + row * g.channels, * __restrict d =
                                                                  dy + at + row * g.channels;
          T* __restrict out = dx + at + row * g.channels;
          for (int64_t j = 0; j < width; ++j)
            out[j] = terms.scale[j] * (terms.template masked<relu>(in[j], d[j], j) - first[j] -
                                       (in[j] - terms.mean[j]) * second[j]);
        }
      });
}

template <bool relu, class T>
void backward(CpuContext& ctx, View<const T> x, View<const T> dy, const Normalisation<T>& norm,
              bool constant_statistics, View<T> dx, View<T> dgamma, View<T> dbeta) {
  const Partition g(x.shape, norm.mean.shape[0]);
  const Tensor scale = scales(ctx, norm);
  const bool needs_sums = dgamma.data || dbeta.data || !constant_statistics;
  std::vector<double> sums(static_cast<size_t>(g.groups * 2 * g.channels));
  if (needs_sums) sums = gradient_sums<relu>(ctx, g, x.data, dy.data, norm, scale.data<T>());
  std::vector<double> of_all = sums;
  if (dx.data && !constant_statistics) current_ranks().sum_all(of_all);
  std::vector<T> a(static_cast<size_t>(g.groups * g.channels)), b(a.size());
  for (int64_t c = 0; c < g.channels; ++c) {
    double of_gamma = 0, of_beta = 0;
    for (int64_t group = 0; group < g.groups; ++group) {
      const double* sum = sums.data() + group * 2 * g.channels + c;
      const int64_t at = group * g.channels + c;
      const double invstd = static_cast<double>(norm.invstd[at]);
      of_beta += sum[0];
      of_gamma += sum[g.channels] * invstd;
      if (constant_statistics) continue;
      const double* all = of_all.data() + group * 2 * g.channels + c;
      const double n = static_cast<double>(g.rows) * current_ranks().size();
      a[at] = static_cast<T>(all[0] / n);
      b[at] = static_cast<T>(all[g.channels] * invstd * invstd / n);
    }
    if (dgamma.data) dgamma[c] = static_cast<T>(of_gamma);
    if (dbeta.data) dbeta[c] = static_cast<T>(of_beta);
  }
  if (dx.data)
    input_gradient<relu>(ctx, g, x.data, dy.data, norm, scale.data<T>(), a.data(), b.data(),
                         dx.data);
}

}  // namespace

template <class T>
void batch_norm_statistics(CpuContext& ctx, View<const T> x, const BatchNormOptions& options,
                           View<stat_t<T>> mean, View<stat_t<T>> invstd,
                           View<stat_t<T>> running_mean, View<stat_t<T>> running_var) {
  const Partition g(x.shape, mean.shape[0]);
  const size_t parts = static_cast<size_t>(g.groups * g.chunks * g.channels);
  std::vector<double> means(parts), squares(parts);
  g.for_tiles(ctx, [&](int64_t group, int64_t chunk, int64_t at, int64_t rows, int64_t channel,
                       int64_t width) {
    T centre[piece] = {}, first[piece] = {}, second[piece] = {};
    add_rows(x.data + at, rows, g.channels, width, centre);
    const T n = static_cast<T>(rows);
    for (int64_t j = 0; j < width; ++j) centre[j] /= n;
    add_deviations(x.data + at, rows, g.channels, width, centre, first, second);
    const int64_t to = (group * g.chunks + chunk) * g.channels + channel;
    for (int64_t j = 0; j < width; ++j) {
      const double left = static_cast<double>(first[j]), count = static_cast<double>(rows);
      means[to + j] = static_cast<double>(centre[j]) + left / count;
      squares[to + j] = static_cast<double>(second[j]) - left * left / count;
    }
  });
  ctx.for_chunks(g.channels, 64, [&](int64_t begin, int64_t end) {
    for (int64_t group = 0; group < g.groups; ++group) {
      const int64_t from = group * g.chunks * g.channels;
      combine_moments(g, begin, end - begin, means.data() + from, squares.data() + from);
    }
  });
  combine_ranks(g.rows, g.groups, g.channels, g.chunks * g.channels, means.data(), squares.data());
  const double n = static_cast<double>(g.rows) * current_ranks().size();
  ctx.for_chunks(g.channels, 64, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      double new_mean = options.keep * static_cast<double>(running_mean[c]);
      double new_var = options.keep * static_cast<double>(running_var[c]);
      for (int64_t group = 0; group < g.groups; ++group) {
        const int64_t from = group * g.chunks * g.channels + c, to = group * g.channels + c;
        const double square = squares[from] < 0 ? 0 : squares[from];  // a NaN stays a NaN
        const double by = options.group_weights[group];
        mean[to] = static_cast<T>(means[from]);
        invstd[to] = static_cast<T>(1 / std::sqrt(square / n + options.eps));
        new_mean += by * means[from];
        new_var += by * (square / (n - 1));
      }
      running_mean[c] = static_cast<T>(new_mean);
      running_var[c] = static_cast<T>(new_var);
    }
  });
}

template <class T>
void batch_norm_recall(CpuContext&, View<const stat_t<T>> running_mean,
                       View<const stat_t<T>> running_var, double eps, View<stat_t<T>> mean,
                       View<stat_t<T>> invstd) {
  for (int64_t c = 0; c < mean.numel(); ++c) {
    mean[c] = running_mean[c];
    invstd[c] = static_cast<T>(1 / std::sqrt(static_cast<double>(running_var[c]) + eps));
  }
}

template <class T>
void batch_norm_forward(CpuContext& ctx, View<const T> x, const Normalisation<T>& norm, View<T> y) {
  const Partition g(x.shape, norm.mean.shape[0]);
  const Tensor scale = scales(ctx, norm);
  const T lowest = norm.relu ? T(0) : -std::numeric_limits<T>::infinity();
  g.for_tiles(
      ctx, [&](int64_t group, int64_t, int64_t at, int64_t rows, int64_t channel, int64_t width) {
        const T* __restrict mean = norm.mean.data + group * g.channels + channel;
        const T* __restrict by = scale.data<T>() + group * g.channels + channel;
        const T* __restrict beta = norm.beta.data + channel;
        for (int64_t row = 0; row < rows; ++row) {
          const T* __restrict in = x.data + at + row * g.channels;
          T* __restrict out = y.data + at + row * g.channels;
          for (int64_t j = 0; j < width; ++j) {
            const T v = (in[j] - mean[j]) * by[j] + beta[j];
            out[j] = v < lowest ? lowest : v;  // in this order a NaN stays a NaN
          }
        }
      });
}

template <class T>
void batch_norm_backward(CpuContext& ctx, View<const T> x, View<const T> dy,
                         const Normalisation<T>& norm, bool constant_statistics, View<T> dx,
                         View<stat_t<T>> dgamma, View<stat_t<T>> dbeta) {
  if (norm.relu)
    backward<true>(ctx, x, dy, norm, constant_statistics, dx, dgamma, dbeta);
  else
    backward<false>(ctx, x, dy, norm, constant_statistics, dx, dgamma, dbeta);
}

#define WEFT_INSTANTIATE(T)                                                                       \
  template void batch_norm_statistics<T>(CpuContext&, View<const T>, const BatchNormOptions&,     \
                                         View<T>, View<T>, View<T>, View<T>);                     \
  template void batch_norm_recall<T>(CpuContext&, View<const T>, View<const T>, double, View<T>,  \
                                     View<T>);                                                    \
  template void batch_norm_forward(CpuContext&, View<const T>, const Normalisation<T>&, View<T>); \
  template void batch_norm_backward<T>(CpuContext&, View<const T>, View<const T>,                 \
                                       const Normalisation<T>&, bool, View<T>, View<T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
