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
constexpr int64_t narrow = 16;         // groups of fewer channels are summed by column
constexpr int64_t column_chunk = 128;  // rows of a chunk of dgamma's and dbeta's sums

/// Some pixels of one picture.
struct Tile {
  int64_t sample, index;  ///< its chunk's number in the picture
  int64_t first, rows;    ///< first element, and pixels
};

/// x as [samples, pixels, groups, width].
struct Grid {
  int64_t samples, groups, channels, width, pixels, chunk, chunks;

  Grid(const Shape& x, const Shape& statistics)
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
        f(Tile{sample, index, (sample * pixels + pixel) * channels,
               std::min(chunk, pixels - pixel)});
      }
    });
  }
  /// f(element of x, its channel) for all of one group's elements in a tile, to be vectorised.
  template <class F>
  void for_group(const Tile& tile, int64_t group, F&& f) const {
    const int64_t begin = group * width, end = begin + width;
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t c = begin; c < end; ++c) f(tile.first + row * channels + c, c);
  }
  /// The sum of T f(element, channel) over the same.
  template <class T, class F>
  double sum_group(const Tile& tile, int64_t group, F&& f) const {
    const int64_t begin = group * width;
    double total = 0;
    if (width < narrow) {
      T sums[narrow] = {};
      for_group(tile, group, [&](int64_t i, int64_t c) { sums[c - begin] += f(i, c); });
      for (int64_t c = 0; c < width; ++c) total += static_cast<double>(sums[c]);
      return total;
    }
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t from = 0; from < width; from += sum_chunk) {
        const int64_t c = begin + from, at = tile.first + row * channels + c;
        total += static_cast<double>(row_sum<T>(std::min(sum_chunk, width - from),
                                                [&](int64_t i) { return f(at + i, c + i); }));
      }
    return total;
  }
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

/// For each picture and group: parts = of_tile(tile, group), combined over the picture's tiles,
/// and then finish(picture * groups + group, parts) and apply(tile, group), in the same pass where
/// a picture is one tile.
template <class Part, class OfTile, class Finish, class Apply>
void by_group(CpuContext& ctx, const Grid& g, OfTile&& of_tile, Finish&& finish, Apply&& apply) {
  std::vector<Part> parts(static_cast<size_t>(g.chunks > 1 ? g.samples * g.groups * g.chunks : 0));
  g.for_tiles(ctx, [&](const Tile& tile) {
    for (int64_t group = 0; group < g.groups; ++group) {
      const int64_t at = tile.sample * g.groups + group;
      const Part part = of_tile(tile, group);
      if (g.chunks > 1) {
        parts[static_cast<size_t>(at * g.chunks + tile.index)] = part;
        continue;
      }
      finish(at, part);
      apply(tile, group);
    }
  });
  if (g.chunks == 1) return;
  ctx.for_chunks(g.samples * g.groups, 16, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      combine_pairwise(parts.data() + at * g.chunks, g.chunks);
      finish(at, parts[static_cast<size_t>(at * g.chunks)]);
    }
  });
  g.for_tiles(ctx, [&](const Tile& tile) {
    for (int64_t group = 0; group < g.groups; ++group) apply(tile, group);
  });
}

template <class T>
void input_gradient(CpuContext& ctx, const Grid& g, const T* x, const T* dy, const T* gamma,
                    const T* mean, const T* invstd, T* dx) {
  std::vector<T> a(static_cast<size_t>(g.samples * g.groups)), b(a.size());
  by_group<Sums>(
      ctx, g,
      [&](const Tile& tile, int64_t group) {
        const T m = mean[tile.sample * g.groups + group];
        return Sums{
            g.sum_group<T>(tile, group, [&](int64_t i, int64_t c) { return dy[i] * gamma[c]; }),
            g.sum_group<T>(tile, group,
                           [&](int64_t i, int64_t c) { return (dy[i] * gamma[c]) * (x[i] - m); })};
      },
      [&](int64_t at, const Sums& sums) {
        const double scale = static_cast<double>(invstd[at]);
        a[at] = static_cast<T>(sums.plain / g.count());
        b[at] = static_cast<T>(sums.centred * scale * scale / g.count());
      },
      [&](const Tile& tile, int64_t group) {
        const int64_t at = tile.sample * g.groups + group;
        const T m = mean[at], scale = invstd[at], plain = a[at], slope = b[at];
        T* __restrict out = dx;
        g.for_group(tile, group, [&](int64_t i, int64_t c) {
          out[i] = scale * (dy[i] * gamma[c] - plain - (x[i] - m) * slope);
        });
      });
}

/// dgamma[c] = sum of dy (x - mean) invstd over all rows, dbeta[c] = sum of dy.
template <class T>
void column_sums(CpuContext& ctx, const Grid& g, const T* x, const T* dy, const T* mean,
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
  const Grid g(x.shape, mean.shape);
  if (g.empty()) return;
  by_group<Moments>(
      ctx, g,
      [&](const Tile& tile, int64_t group) {
        const double n = static_cast<double>(tile.rows * g.width);
        const T centre = static_cast<T>(
            g.sum_group<T>(tile, group, [&](int64_t i, int64_t) { return x[i]; }) / n);
        const double left =
            g.sum_group<T>(tile, group, [&](int64_t i, int64_t) { return x[i] - centre; });
        const double square = g.sum_group<T>(
            tile, group, [&](int64_t i, int64_t) { return (x[i] - centre) * (x[i] - centre); });
        return Moments{n, static_cast<double>(centre) + left / n, square - left * left / n};
      },
      [&](int64_t at, const Moments& all) {
        mean[at] = static_cast<T>(all.mean);
        invstd[at] = static_cast<T>(all.invstd(eps));
      },
      [&](const Tile& tile, int64_t group) {
        const int64_t at = tile.sample * g.groups + group;
        const T m = mean[at], scale = invstd[at];
        T* __restrict out = y.data;
        g.for_group(tile, group, [&](int64_t i, int64_t c) {
          out[i] = ((x[i] - m) * scale) * gamma[c] + beta[c];
        });
      });
}

template <class T>
void group_norm_backward(CpuContext& ctx, View<const T> x, View<const T> dy,
                         View<const stat_t<T>> gamma, View<const stat_t<T>> mean,
                         View<const stat_t<T>> invstd, View<T> dx, View<stat_t<T>> dgamma,
                         View<stat_t<T>> dbeta) {
  const Grid g(x.shape, mean.shape);
  if (dx.data && !g.empty())
    input_gradient(ctx, g, x.data, dy.data, gamma.data, mean.data, invstd.data, dx.data);
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
