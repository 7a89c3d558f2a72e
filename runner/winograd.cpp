// winograd_layout, winograd_pays, winograd_weights.
#include "runner/winograd.h"

#include <algorithm>
#include <vector>

namespace weft::runner {
namespace {

constexpr int64_t cached = 200'000;         ///< floats of v and m that stay in the L2 cache
constexpr int64_t small_weights = 300'000;  ///< floats of u that do so beside them
constexpr int64_t most_tiles = 168;         ///< that one pass over u serves, where it is larger

/// An odd number of cache lines: 36 of them side by side must not meet in the same sets.
int64_t odd_lines(int64_t floats) {
  const int64_t lines = (floats + 15) / 16;
  return 16 * (lines + 1 - lines % 2);
}

int64_t all_tiles(int64_t outs, int64_t dilation) {
  int64_t sum = 0;
  for (int64_t problem = 0; problem < dilation; ++problem)
    sum += winograd_tiles(outs, dilation, problem);
  return sum;
}

/// Taps of one direction that see the map, over all outputs.
int64_t seen(int64_t extent, int64_t outs, int64_t padding, int64_t dilation) {
  int64_t sum = 0;
  for (int64_t tap = 0; tap < 3; ++tap) {
    const int64_t shift = tap * dilation - padding;  // 0 <= output + shift < extent
    sum += std::max<int64_t>(0, std::min(outs, extent - shift) - std::max<int64_t>(0, -shift));
  }
  return sum;
}

int64_t columns_of(const Kernels& kernels, int64_t outs) {
  return packed_size(kernels, outs, 1, 1);
}

}  // namespace

WinogradLayout winograd_layout(const Kernels& kernels, const ConvWork& o, int64_t threads) {
  WinogradLayout l{};
  l.channels = o.channels;
  l.columns = columns_of(kernels, o.outs);
  l.across = all_tiles(o.out_width, o.dilation_w);
  l.tiles = all_tiles(o.out_height, o.dilation_h) * l.across;
  const bool small = 36 * l.channels * l.columns <= small_weights;
  const int64_t fitting = cached / (36 * (l.channels + l.columns));
  const int64_t share = (l.tiles + threads - 1) / threads;
  l.block = std::min(share, small ? std::max<int64_t>(fitting, 28) : most_tiles);
  const int64_t blocks = (l.channels + kernels.depth - 1) / kernels.depth;
  l.v_plane = odd_lines(l.block * blocks * kernels.row);
  l.m_plane = odd_lines(l.block * l.columns);
  l.zeros = odd_lines(std::max(o.channels + kernels.lanes, 2 * kernels.lanes));
  // A product's last tile may read further rows.
  l.scratch = l.zeros + l.columns + 36 * (l.v_plane + l.m_plane) + 16 * kernels.row;
  return l;
}

bool winograd_pays(const ConvWork& o) {
  if (o.kernel_h != 3 || o.kernel_w != 3 || o.stride_h != 1 || o.stride_w != 1 || o.groups != 1)
    return false;
  // Time in products of one channel with one: what reading a weight costs, and a tile's transforms, were
  // measured. Taps that see padding cost nothing in kernels.conv.
  constexpr double weight = 30, gathering = 22, spreading = 8, margin = 1.15;
  const double tiles = static_cast<double>(all_tiles(o.out_height, o.dilation_h) *
                                           all_tiles(o.out_width, o.dilation_w));
  const double transforms =
      gathering / static_cast<double>(o.channels) + spreading / static_cast<double>(o.outs);
  const auto taps = static_cast<double>(seen(o.height, o.out_height, o.padding_h, o.dilation_h) *
                                        seen(o.width, o.out_width, o.padding_w, o.dilation_w));
  return taps + 9 * weight > margin * 36 * (tiles * (1 + transforms) + weight);
}

int64_t winograd_size(const Kernels& kernels, int64_t outs, int64_t channels) {
  return 36 * channels * columns_of(kernels, outs);
}

void winograd_weights(const Kernels& kernels, const float* weight, int64_t outs, int64_t channels,
                      float* u) {
  // G, a row a point p: 1, p, p^2 over the product of p - q for the other points q; that of infinity.
  const double a = winograd_a, b = winograd_b;
  const double g[6][3] = {{1, 0, 0},
                          {-2.0 / 3, -2.0 / 3 * a, -1.0 / 3},
                          {-2.0 / 3, 2.0 / 3 * a, -1.0 / 3},
                          {1.0 / 6, 1.0 / 6 * b, 1.0 / 3},
                          {1.0 / 6, -1.0 / 6 * b, 1.0 / 3},
                          {0, 0, 1}};
  std::vector<float> plane(static_cast<size_t>(outs * channels));
  std::vector<double> sums(static_cast<size_t>(channels));
  const int64_t size = winograd_size(kernels, outs, channels) / 36;
  for (int f = 0; f < 36; ++f, u += size) {
    for (int64_t k = 0; k < outs; ++k) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (int i = 0; i < 9; ++i) {
        const double both = g[f / 6][i / 3] * g[f % 6][i % 3];
        if (both == 0) continue;
        const float* from = weight + (k * 9 + i) * channels;
        for (size_t c = 0; c < sums.size(); ++c) sums[c] += both * static_cast<double>(from[c]);
      }
      float* to = plane.data() + k * channels;
      for (const double sum : sums) *to++ = static_cast<float>(sum);
    }
    pack_weights(kernels, plane.data(), outs, channels, 1, u);
  }
}

}  // namespace weft::runner
