// Grid: which pixel of the picture an output of a feature map looks at, the same on both axes.
//   output i looks at pixel first + i * stride
// A layer with kernel k, stride s, padding p and dilation d takes output i from the window around
// i s - p + d (k - 1) / 2 of its input. Kernels 7, 3 and 1 with half of them padded are centred, so
// every ResNet has first = 0 (stride 8 in the deeplab form, 32 in the plain one); a 2x2 pool
// without padding looks between two pixels, so VGG-16, after five, has first = 15.5 and stride 32.
#pragma once

#include <cstdint>

namespace weft {

struct Grid {
  double first = 0, stride = 1;

  /// The grid of what such a layer makes of a map on this one.
  Grid through(int64_t kernel, int64_t step, int64_t padding, int64_t dilation = 1) const {
    const double centre =
        0.5 * static_cast<double>(dilation * (kernel - 1)) - static_cast<double>(padding);
    return {first + stride * centre, stride * static_cast<double>(step)};
  }
  friend bool operator==(const Grid& a, const Grid& b) {
    return a.first == b.first && a.stride == b.stride;
  }
};

}  // namespace weft
