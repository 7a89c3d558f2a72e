// Places in [N, H, W, C] on the device, for pools: sizes by value, a loop over all pixels in which a
// block goes along one row of one image, so that a thread divides once, in 32 bits, and the windows
// of ops/pool_window.h in 32 bits (a pixel's number fits them; an element's may not).
#pragma once

#include "engine/cuda/launch.cuh"
#include "engine/shape.h"
#include "ops/pool_window.h"

namespace weft {

using PoolSpan = PoolWindowOf<int>;
using PoolReach = PoolCoverOf<int>;

struct PoolSizes {
  int height, width, channels;
  explicit PoolSizes(const Shape& s)
      : height(static_cast<int>(s[1])),
        width(static_cast<int>(s[2])),
        channels(static_cast<int>(s[3])) {}
  __device__ int64_t element(int image, int row, int column, int channel) const {
    return ((int64_t{image} * height + row) * width + column) * channels + channel;
  }
};

struct PoolPlace {
  int image, row, column, channel;
};

namespace cuda_detail {

/// A pixel is `groups` groups of `each` neighbouring channels.
template <class F>
__global__ void for_places_kernel(PoolSizes s, unsigned groups, unsigned each, F f) {
  const unsigned image = blockIdx.x / static_cast<unsigned>(s.height);
  const unsigned row = blockIdx.x - image * static_cast<unsigned>(s.height);
  const int64_t items = int64_t{s.width} * groups, step = int64_t{gridDim.y} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.y} * blockDim.x + threadIdx.x; i < items; i += step) {
    const auto item = static_cast<unsigned>(i), column = item / groups;
    f(PoolPlace{static_cast<int>(image), static_cast<int>(row), static_cast<int>(column),
                static_cast<int>((item - column * groups) * each)});
  }
}

}  // namespace cuda_detail

/// f(place) for `each` neighbouring channels of every pixel, each by one thread; neighbours in
/// channels, then columns, run side by side. A row has fewer than 2^32 such groups.
template <class F>
void for_places(CudaContext& ctx, const char* name, int64_t images, const PoolSizes& s, int each,
                F f) {
  const int64_t groups = s.channels / each, items = s.width * groups, lines = images * s.height;
  if (lines == 0 || items == 0) return;
  const int64_t across = std::min<int64_t>(blocks_for(items, block_threads), 65535);
  const int64_t threads = std::min<int64_t>(block_threads, blocks_for(items, across * 32) * 32);
  launch(ctx, name, cuda_detail::for_places_kernel<F>,
         dim3(static_cast<unsigned>(lines), static_cast<unsigned>(across)),
         dim3(static_cast<unsigned>(threads)), 0, s, static_cast<unsigned>(groups),
         static_cast<unsigned>(each), f);
}

}  // namespace weft
