// Sums over long axes on the GPU, for layer_norm, group_norm and linear of few outputs: x is cut into
// chunks of rows and strips of channels by the shape alone, threads that own the same channels are
// combined pairwise, and a norm's warp adds up a channel's (or a segment's) chunks in a fixed tree, in
// double.
#pragma once

#include <algorithm>

#include "engine/cuda/launch.cuh"

namespace weft::kernels {

/// x as [rows, channels], cut into chunks of rows and strips of channels.
struct Columns {
  int64_t rows;
  int channels, width, across, down, chunk, chunks, strips;

  Columns(const Shape& x, int vector)
      : rows(x.outer(x.rank() - 1)),
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
  dim3 blocks() const { return {static_cast<unsigned>(strips), static_cast<unsigned>(chunks)}; }
  size_t parts() const { return static_cast<size_t>(chunks) * channels; }
};

/// Where this thread stands in a tile.
struct ColumnPart {
  int channel, down;   ///< first channel of its own; its first row in the chunk
  int64_t first, end;  ///< rows of the chunk
  bool inside;         ///< its channels exist
  __device__ explicit ColumnPart(const Columns& g)
      : channel((blockIdx.x * g.across + threadIdx.x % g.across) * g.width),
        down(threadIdx.x / g.across),
        first(int64_t{blockIdx.y} * g.chunk),
        inside(channel < g.channels) {
    end = first + g.chunk < g.rows ? first + g.chunk : g.rows;
  }
  __device__ int64_t element(const Columns& g, int64_t row) const {
    return row * g.channels + channel;
  }
};

/// Adds the sums of all threads that own the same channels, pairwise; every one gets the total.
template <int width>
__device__ void combine_down(const Columns& g, float (&sum)[width]) {
  __shared__ float memory[block_threads * width];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < width; ++i) memory[threadIdx.x + i * block_threads] = sum[i];
  __syncthreads();
  const int down = threadIdx.x / g.across;
  for (int stride = 1; stride < g.down; stride *= 2) {
    if (down % (2 * stride) == 0)
#pragma unroll
      for (int i = 0; i < width; ++i)
        memory[threadIdx.x + i * block_threads] +=
            memory[threadIdx.x + stride * g.across + i * block_threads];
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < width; ++i) sum[i] = memory[threadIdx.x % g.across + i * block_threads];
}

/// Count, mean and squared deviations of some rows of one channel; sums in double.
struct ChunkMoments {
  double count = 0, mean = 0, square = 0;

  __device__ void add(const ChunkMoments& other) {
    if (other.count == 0) return;
    const double total = count + other.count, delta = other.mean - mean;
    mean += delta * (other.count / total);
    square += other.square + delta * delta * (count * other.count / total);
    count = total;
  }
  __device__ ChunkMoments from_lane(int offset) const {
    return {__shfl_down_sync(whole_warp, count, offset), __shfl_down_sync(whole_warp, mean, offset),
            __shfl_down_sync(whole_warp, square, offset)};
  }
};

/// Sums of a gradient and of it times what it is about.
struct ChunkSums {
  double plain = 0, centred = 0;

  __device__ void add(const ChunkSums& other) {
    plain += other.plain;
    centred += other.centred;
  }
  __device__ ChunkSums from_lane(int offset) const {
    return {__shfl_down_sync(whole_warp, plain, offset),
            __shfl_down_sync(whole_warp, centred, offset)};
  }
};

constexpr int channels_a_block = block_threads / warp_threads;

/// All chunks together, by one warp: lane l adds chunks l, l + 32, .. in order, then lanes are
/// combined pairwise; lane 0 holds the total.
template <class Sum, class OfChunk>
__device__ Sum combine_chunks(int chunks, OfChunk of_chunk) {
  Sum sum;
  const int lane = threadIdx.x % warp_threads;
  for (int chunk = lane; chunk < chunks; chunk += warp_threads) sum.add(of_chunk(chunk));
  for (int offset = 1; offset < warp_threads; offset *= 2) {
    const Sum other = sum.from_lane(offset);
    if (lane % (2 * offset) == 0) sum.add(other);
  }
  return sum;
}

}  // namespace weft::kernels
