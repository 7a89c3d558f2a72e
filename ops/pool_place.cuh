// Places in [N, H, W, C] on the device, for pools: sizes by value, and an element's indices from
// its number (32-bit divisions: pools are refused past 2^32 elements by memory long before).
#pragma once

#include "engine/shape.h"

namespace weft {

struct PoolSizes {
  int64_t height, width, channels;
  explicit PoolSizes(const Shape& s) : height(s[1]), width(s[2]), channels(s[3]) {}
  __device__ int64_t element(int64_t image, int64_t row, int64_t column, int64_t channel) const {
    return ((image * height + row) * width + column) * channels + channel;
  }
};

struct PoolPlace {
  int64_t image, row, column, channel;
  __device__ PoolPlace(int64_t element, const PoolSizes& s) {
    const auto channels = static_cast<unsigned>(s.channels), width = static_cast<unsigned>(s.width),
               height = static_cast<unsigned>(s.height);
    const auto pixel = static_cast<unsigned>(element / channels), line = pixel / width;
    channel = element % channels;
    column = pixel % width;
    row = line % height;
    image = line / height;
  }
};

}  // namespace weft
