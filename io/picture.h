// Picture: height x width x channels, HWC, row major, f32, in memory. What files hold becomes one,
// and so do labels, where NaN stands for a pixel without a label.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace weft {

/// The value of a pixel without a label.
inline constexpr float invalid_pixel = std::numeric_limits<float>::quiet_NaN();

struct Picture {
  int height = 0, width = 0, channels = 0;
  std::vector<float> pixels;

  Picture() = default;
  Picture(int h, int w, int c, float fill = 0)
      : height(h), width(w), channels(c), pixels(static_cast<size_t>(h) * w * c, fill) {}

  bool empty() const { return height == 0; }
  /// The first channel of pixel (y, x); the others follow it.
  float* at(int y, int x) {
    return pixels.data() + (static_cast<size_t>(y) * width + x) * channels;
  }
  const float* at(int y, int x) const {
    return pixels.data() + (static_cast<size_t>(y) * width + x) * channels;
  }
};

/// An image label: 1 x 1 x 1.
inline Picture scalar_picture(float value) { return Picture(1, 1, 1, value); }

}  // namespace weft
