// Places in [N, H, W, C] on the device, for pools: sizes by value, a thread's indices from its
// number, and the windows of ops/pool_window.h in 32 bits (a pixel's number fits them; an element's
// may not).
#pragma once

#include "engine/shape.h"
#include "ops/pool_window.h"

namespace weft {

struct PoolSizes {
  int height, width, channels;
  explicit PoolSizes(const Shape& s)
      : height(static_cast<int>(s[1])),
        width(static_cast<int>(s[2])),
        channels(static_cast<int>(s[3])) {}
  int64_t pixels() const { return int64_t{height} * width; }  ///< of one image
  __device__ int64_t element(int image, int row, int column, int channel) const {
    return ((int64_t{image} * height + row) * width + column) * channels + channel;
  }
};

/// Thread `item` of those that take `each` neighbouring channels.
struct PoolPlace {
  int image, row, column, channel;
  __device__ PoolPlace(int64_t item, const PoolSizes& s, int each) {
    const auto groups = static_cast<unsigned>(s.channels / each);
    const auto pixel = static_cast<unsigned>(item / groups);
    const unsigned line = pixel / s.width;
    channel = static_cast<int>(item - int64_t{pixel} * groups) * each;
    column = static_cast<int>(pixel - line * s.width);
    image = static_cast<int>(line / s.height);
    row = static_cast<int>(line - static_cast<unsigned>(image) * s.height);
  }
};

/// PoolWindow and PoolCover, which see.
struct PoolSpan {
  int start, from, to, padded;
  __device__ PoolSpan(int out, int extent, const PoolOptions& o) {
    const PoolWindow window(out, extent, o);
    start = static_cast<int>(window.start);
    from = static_cast<int>(window.from);
    to = static_cast<int>(window.to);
    padded = static_cast<int>(window.padded(extent, o));
  }
};

struct PoolReach {
  int from, to;
  __device__ PoolReach(int in, int windows, const PoolOptions& o) {
    const PoolCover cover(in, windows, o);
    from = static_cast<int>(cover.from);
    to = static_cast<int>(cover.to);
  }
};

}  // namespace weft
