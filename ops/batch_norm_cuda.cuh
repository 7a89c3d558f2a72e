// How batch norm on the GPU divides its work, and how it adds up what the parts found: x is cut
// into chunks of rows and strips of channels by the shape alone, and a warp combines a channel's
// chunks in a fixed tree, in double.
#pragma once

#include <algorithm>

#include "engine/cuda/launch.cuh"

namespace weft::kernels {

/// x as [groups, rows, channels], cut into chunks of rows and strips of channels.
struct Grid {
  int64_t rows;
  int groups, channels, width, across, down, chunk, chunks, strips;

  Grid(const Shape& x, int64_t group_count, int vector)
      : rows(x.outer(x.rank() - 1) / group_count),
        groups(static_cast<int>(group_count)),
        channels(static_cast<int>(x.back())),
        width(channels % vector == 0 ? vector : 1),
        across(1) {
    while (across < 32 && across * width < channels) across *= 2;
    down = block_threads / across;
    chunk = 32 * down;
    while (blocks_for(rows, chunk) > 65535) chunk *= 2;  // more a grid's y does not hold
    chunks = static_cast<int>(std::max<int64_t>(1, blocks_for(rows, chunk)));
    strips = static_cast<int>(blocks_for(channels, int64_t{across} * width));
  }
  dim3 blocks() const {
    return {static_cast<unsigned>(strips), static_cast<unsigned>(chunks),
            static_cast<unsigned>(groups)};
  }
  size_t parts() const { return static_cast<size_t>(groups) * chunks * channels; }
};

/// Count, mean and squared deviations of some rows of one channel; sums in double.
struct Moments {
  double count = 0, mean = 0, square = 0;

  __device__ void add(const Moments& other) {
    if (other.count == 0) return;
    const double total = count + other.count, delta = other.mean - mean;
    mean += delta * (other.count / total);
    square += other.square + delta * delta * (count * other.count / total);
    count = total;
  }
  __device__ Moments from_lane(int offset) const {
    constexpr unsigned all = 0xFFFFFFFF;
    return {__shfl_down_sync(all, count, offset), __shfl_down_sync(all, mean, offset),
            __shfl_down_sync(all, square, offset)};
  }
};

/// A channel's sums of dy and of dy (x - mean).
struct GradientSums {
  double plain = 0, centred = 0;

  __device__ void add(const GradientSums& other) {
    plain += other.plain;
    centred += other.centred;
  }
  __device__ GradientSums from_lane(int offset) const {
    constexpr unsigned all = 0xFFFFFFFF;
    return {__shfl_down_sync(all, plain, offset), __shfl_down_sync(all, centred, offset)};
  }
};

constexpr int warp_threads = 32, channels_a_block = block_threads / warp_threads;

/// All chunks together, by one warp: lane l adds chunks l, l + 32, .. in order, then lanes are
/// combined pairwise; lane 0 holds the total.
template <class Sum, class OfChunk>
__device__ Sum combine_chunks(const Grid& g, OfChunk of_chunk) {
  Sum sum;
  const int lane = threadIdx.x % warp_threads;
  for (int chunk = lane; chunk < g.chunks; chunk += warp_threads) sum.add(of_chunk(chunk));
  for (int offset = 1; offset < warp_threads; offset *= 2) {
    const Sum other = sum.from_lane(offset);
    if (lane % (2 * offset) == 0) sum.add(other);
  }
  return sum;
}

}  // namespace weft::kernels
