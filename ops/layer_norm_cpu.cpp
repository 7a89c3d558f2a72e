// layer_norm and group_norm on the CPU. A picture's pixels are cut into chunks that fit L2; a
// chunk's mean and squared deviations by group are found by the corrected two-pass method, and
// chunks are combined pairwise in double (Chan, Golub and LeVeque 1983). Where a picture is one
// chunk, as a row of layer norm's is, it is normalised while it is in cache. dgamma and dbeta are
// column sums over all rows, in fixed chunks of rows.
#include "ops/layer_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/reduce_tree.h"
#include "ops/softmax_rows.h"

namespace weft::kernels {
namespace {

constexpr int64_t most_rows = 256;     // of a chunk: as many values of T are added to each other
constexpr int64_t most_columns = 256;  // channels of narrow groups that are summed side by side
template <bool narrow>
constexpr int64_t at_once = narrow ? most_columns : 1;  // most groups of one sum
constexpr int64_t column_chunk = 128;  // rows of a chunk of dgamma's and dbeta's sums

/// Some pixels of one picture.
struct PixelChunk {
  int64_t sample, index;  ///< its chunk's number in the picture
  int64_t first, rows;    ///< first element, and pixels
};

/// Groups begin .. end - 1 of a tile: one, or as many narrow ones as fit most_columns.
struct Groups {
  int64_t begin, end;
};

/// x as [samples, pixels, groups, width].
struct Partition {
  int64_t samples, groups, channels, width, pixels, chunk, chunks;

  Partition(const Shape& x, const Shape& statistics)
      : samples(statistics[0]),
        groups(statistics[1]),
        channels(x.back()),
        width(channels / groups),
        pixels(samples == 0 ? 0 : x.outer(x.rank() - 1) / samples),
        chunk(std::clamp<int64_t>(pointwise_chunk / std::max<int64_t>(1, channels), 1, most_rows)),
        chunks((pixels + chunk - 1) / chunk) {}

  bool empty() const { return samples * pixels * channels == 0; }
  int64_t rows() const { return samples * pixels; }
  /// Elements that share a mean.
  double count() const { return static_cast<double>(pixels * width); }

  template <class F>
  void for_tiles(CpuContext& ctx, F&& f) const {
    const int64_t elements = std::max<int64_t>(1, std::min(chunk, pixels) * channels);
    const int64_t together = std::max<int64_t>(1, pointwise_chunk / elements);
    ctx.for_chunks(samples * chunks, together, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t sample = i / chunks, index = i % chunks, pixel = index * chunk;
        f(PixelChunk{sample, index, (sample * pixels + pixel) * channels,
                     std::min(chunk, pixels - pixel)});
      }
    });
  }
  /// Whether sums run by column, neighbouring groups side by side; else along a group's channels.
  bool narrow() const { return width < (pixels == 1 ? 16 : 64); }
  template <class F>
  void for_groups(F&& f) const {
    const int64_t together = narrow() ? most_columns / std::max<int64_t>(1, width) : 1;
    for (int64_t i = 0; i < groups; i += together) f(Groups{i, std::min(i + together, groups)});
  }
  /// f(element of x, its channel) for all elements of a tile's groups, to be vectorised.
  template <class F>
  void for_elements(const PixelChunk& tile, Groups of, F&& f) const {
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t c = of.begin * width; c < of.end * width; ++c)
        f(tile.first + row * channels + c, c);
  }
  /// totals[k] = the sum of T f(element, channel) over the same, by group.
  template <bool narrow, class T, class F>
  void sum(const PixelChunk& tile, Groups of, double* totals, F&& f) const {
    const int64_t begin = of.begin * width;
    std::fill_n(totals, of.end - of.begin, 0.0);
    if constexpr (narrow) {
      T sums[most_columns] = {};
      for_elements(tile, of, [&](int64_t i, int64_t c) { sums[c - begin] += f(i, c); });
      for (int64_t c = 0; c < (of.end - of.begin) * width; ++c)
        totals[c / width] += static_cast<double>(sums[c]);
    } else {
      for (int64_t row = 0; row < tile.rows; ++row)
        for (int64_t from = 0; from < width; from += sum_chunk) {
          const int64_t c = begin + from, at = tile.first + row * channels + c;
          totals[0] += static_cast<double>(row_sum<T>(std::min(sum_chunk, width - from),
                                                      [&](int64_t i) { return f(at + i, c + i); }));
        }
    }
  }
};

/// A number of each group as its channels see it.
template <bool narrow, class T>
struct ByChannel {
  T values[at_once<narrow>];
  int64_t first;

  template <class OfGroup>
  ByChannel(const Partition& g, Groups of, OfGroup&& of_group) : first(of.begin * g.width) {
    for (int64_t group = of.begin; group < of.end; ++group)
      std::fill_n(values + (group - of.begin) * g.width, narrow ? g.width : 1,
                  static_cast<T>(of_group(group)));
  }
  T operator()(int64_t c) const { return values[narrow ? c - first : 0]; }
};

/// Count, mean and squared deviations; combined by Chan, Golub and LeVeque.
struct Moments {
  double count = 0, mean = 0, square = 0;

  Moments& operator+=(const Moments& other) {
    const double total = count + other.count, delta = other.mean - mean;
    mean += delta * (other.count / total);
    square += other.square + delta * delta * (count * other.count / total);
    count = total;
    return *this;
  }
  double invstd(double eps) const {
    return 1 / std::sqrt((square < 0 ? 0 : square) / count + eps);  // a NaN stays a NaN
  }
};

/// A group's sums of g = dy gamma and of g (x - mean).
struct Sums {
  double plain = 0, centred = 0;

  Sums& operator+=(const Sums& other) {
    plain += other.plain;
    centred += other.centred;
    return *this;
  }
};

/// For each tile and its groups: of_tile(tile, groups, their parts); parts of a picture's tiles are
/// combined, and then finish(picture * groups + group, part) and apply(tile, groups), in the same
/// pass where a picture is one tile.
template <bool narrow, class Part, class OfTile, class Finish, class Apply>
void by_group(CpuContext& ctx, const Partition& g, OfTile&& of_tile, Finish&& finish,
              Apply&& apply) {
  std::vector<Part> parts(static_cast<size_t>(g.chunks > 1 ? g.samples * g.groups * g.chunks : 0));
  g.for_tiles(ctx, [&](const PixelChunk& tile) {
    g.for_groups([&](Groups of) {
      Part own[at_once<narrow>];
      of_tile(tile, of, own);
      for (int64_t group = of.begin; group < of.end; ++group) {
        const int64_t at = tile.sample * g.groups + group;
        if (g.chunks > 1)
          parts[static_cast<size_t>(at * g.chunks + tile.index)] = own[group - of.begin];
        else
          finish(at, own[group - of.begin]);
      }
      if (g.chunks == 1) apply(tile, of);
    });
  });
  if (g.chunks == 1) return;
  ctx.for_chunks(g.samples * g.groups, 16, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      combine_pairwise(parts.data() + at * g.chunks, g.chunks);
      finish(at, parts[static_cast<size_t>(at * g.chunks)]);
    }
  });
  g.for_tiles(ctx,
              [&](const PixelChunk& tile) { g.for_groups([&](Groups of) { apply(tile, of); }); });
}

template <bool narrow, class T>
void normalise(CpuContext& ctx, const Partition& g, const T* x, const T* gamma, const T* beta,
               double eps, T* mean, T* invstd, T* __restrict y) {
  by_group<narrow, Moments>(
      ctx, g,
      [&](const PixelChunk& tile, Groups of, Moments* parts) {
        const double n = static_cast<double>(tile.rows * g.width);
        double sums[at_once<narrow>], left[at_once<narrow>], squares[at_once<narrow>];
        g.sum<narrow, T>(tile, of, sums, [&](int64_t i, int64_t) { return x[i]; });
        const ByChannel<narrow, T> centre(
            g, of, [&](int64_t group) { return sums[group - of.begin] / n; });
        g.sum<narrow, T>(tile, of, left, [&](int64_t i, int64_t c) { return x[i] - centre(c); });
        g.sum<narrow, T>(tile, of, squares, [&](int64_t i, int64_t c) {
          return (x[i] - centre(c)) * (x[i] - centre(c));
        });
        for (int64_t k = 0; k < of.end - of.begin; ++k)
          parts[k] = {n, static_cast<double>(centre((of.begin + k) * g.width)) + left[k] / n,
                      squares[k] - left[k] * left[k] / n};
      },
      [&](int64_t at, const Moments& all) {
        mean[at] = static_cast<T>(all.mean);
        invstd[at] = static_cast<T>(all.invstd(eps));
      },
      [&](const PixelChunk& tile, Groups of) {
        const int64_t at = tile.sample * g.groups;
        const ByChannel<narrow, T> m(g, of, [&](int64_t group) { return mean[at + group]; });
        const ByChannel<narrow, T> scale(g, of, [&](int64_t group) { return invstd[at + group]; });
        g.for_elements(tile, of, [=](int64_t i, int64_t c) {
          y[i] = ((x[i] - m(c)) * scale(c)) * gamma[c] + beta[c];
        });
      });
}

template <bool narrow, class T>
void input_gradient(CpuContext& ctx, const Partition& g, const T* x, const T* dy, const T* gamma,
                    const T* mean, const T* invstd, T* __restrict dx) {
  std::vector<T> a(static_cast<size_t>(g.samples * g.groups)), b(a.size());
  by_group<narrow, Sums>(
      ctx, g,
      [&](const PixelChunk& tile, Groups of, Sums* parts) {
        double plain[at_once<narrow>], centred[at_once<narrow>];
        const int64_t at = tile.sample * g.groups;
        const ByChannel<narrow, T> m(g, of, [&](int64_t group) { return mean[at + group]; });
        g.sum<narrow, T>(tile, of, plain, [&](int64_t i, int64_t c) { return dy[i] * gamma[c]; });
        g.sum<narrow, T>(tile, of, centred,
                         [&](int64_t i, int64_t c) { return (dy[i] * gamma[c]) * (x[i] - m(c)); });
        for (int64_t k = 0; k < of.end - of.begin; ++k) parts[k] = {plain[k], centred[k]};
      },
      [&](int64_t at, const Sums& sums) {
        const double scale = static_cast<double>(invstd[at]);
        a[at] = static_cast<T>(sums.plain / g.count());
        b[at] = static_cast<T>(sums.centred * scale * scale / g.count());
      },
      [&](const PixelChunk& tile, Groups of) {
        const int64_t at = tile.sample * g.groups;
        const ByChannel<narrow, T> m(g, of, [&](int64_t group) { return mean[at + group]; });
        const ByChannel<narrow, T> scale(g, of, [&](int64_t group) { return invstd[at + group]; });
        const ByChannel<narrow, T> plain(g, of, [&](int64_t group) { return a[at + group]; });
        const ByChannel<narrow, T> slope(g, of, [&](int64_t group) { return b[at + group]; });
        g.for_elements(tile, of, [=](int64_t i, int64_t c) {
          dx[i] = scale(c) * (dy[i] * gamma[c] - plain(c) - (x[i] - m(c)) * slope(c));
        });
      });
}

/// dgamma[c] = sum of dy (x - mean) invstd over all rows, dbeta[c] = sum of dy.
template <class T>
void column_sums(CpuContext& ctx, const Partition& g, const T* x, const T* dy, const T* mean,
                 const T* invstd, View<T> dgamma, View<T> dbeta) {
  const int64_t chunks = std::max<int64_t>(1, (g.rows() + column_chunk - 1) / column_chunk);
  const int64_t pitch = 2 * g.channels;
  const Tensor parts = Tensor::empty({chunks, pitch}, dtype_of<T>(), ctx.memory());
  T* sums = parts.data<T>();
  std::fill_n(sums, chunks * pitch, T(0));
  ctx.for_chunks(g.rows(), column_chunk, [&](int64_t begin, int64_t end) {
    T* __restrict of_gamma = sums + begin / column_chunk * pitch;
    T* __restrict of_beta = of_gamma + g.channels;
    for (int64_t row = begin; row < end; ++row)
      for (int64_t group = 0; group < g.groups; ++group) {
        const int64_t at = row / g.pixels * g.groups + group;
        const T m = mean[at], scale = invstd[at];
        const T* __restrict v = x + row * g.channels, * __restrict d = dy + row * g.channels;
        for (int64_t c = group * g.width; c < (group + 1) * g.width; ++c) {
          of_gamma[c] += d[c] * ((v[c] - m) * scale);
          of_beta[c] += d[c];
        }
      }
  });
  combine_pairwise(sums, chunks, pitch);
  if (dgamma.data) std::copy_n(sums, g.channels, dgamma.data);
  if (dbeta.data) std::copy_n(sums + g.channels, g.channels, dbeta.data);
}

}  // namespace

template <class T>
void group_norm_forward(CpuContext& ctx, View<const T> x, View<const stat_t<T>> gamma,
                        View<const stat_t<T>> beta, double eps, View<stat_t<T>> mean,
                        View<stat_t<T>> invstd, View<T> y) {
  const Partition g(x.shape, mean.shape);
  if (g.empty()) return;
  const auto run = g.narrow() ? normalise<true, T> : normalise<false, T>;
  run(ctx, g, x.data, gamma.data, beta.data, eps, mean.data, invstd.data, y.data);
}

template <class T>
void group_norm_backward(CpuContext& ctx, View<const T> x, View<const T> dy,
                         View<const stat_t<T>> gamma, View<const stat_t<T>> mean,
                         View<const stat_t<T>> invstd, View<T> dx, View<stat_t<T>> dgamma,
                         View<stat_t<T>> dbeta) {
  const Partition g(x.shape, mean.shape);
  if (dx.data && !g.empty()) {
    const auto run = g.narrow() ? input_gradient<true, T> : input_gradient<false, T>;
    run(ctx, g, x.data, dy.data, gamma.data, mean.data, invstd.data, dx.data);
  }
  if (dgamma.data || dbeta.data)
    column_sums(ctx, g, x.data, dy.data, mean.data, invstd.data, dgamma, dbeta);
}

#define WEFT_INSTANTIATE(T)                                                                      \
  template void group_norm_forward<T>(CpuContext&, View<const T>, View<const T>, View<const T>,  \
                                      double, View<T>, View<T>, View<T>);                        \
  template void group_norm_backward<T>(CpuContext&, View<const T>, View<const T>, View<const T>, \
                                       View<const T>, View<const T>, View<T>, View<T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
