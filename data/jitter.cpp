// Random change of a picture's colours; see jitter.h.
#include "data/jitter.h"

#include <algorithm>

#include "engine/error.h"

namespace weft {
namespace {

float grey(const float* pixel, int channels) {
  if (channels == 1) return pixel[0];
  return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
}

float mean_grey(const Picture& picture) {
  double sum = 0;
  const auto channels = static_cast<size_t>(picture.channels);
  for (size_t i = 0; i < picture.pixels.size(); i += channels)
    sum += grey(picture.pixels.data() + i, picture.channels);
  return static_cast<float>(sum * static_cast<double>(channels) /
                            static_cast<double>(picture.pixels.size()));
}

float factor(double most, const Philox& noise, uint32_t element) {
  return static_cast<float>(1 + most * (2 * noise.uniform(element) - 1));
}

/// from + factor (x - from)
float moved(float x, float from, float factor) {
  return std::clamp(from + factor * (x - from), 0.0f, 1.0f);
}

}  // namespace

void jitter_colours(Picture& picture, const AugmentSpec& augment, const Philox& noise) {
  if (augment.brightness == 0 && augment.contrast == 0 && augment.saturation == 0) return;
  const int channels = picture.channels;
  if (channels != 1 && channels != 3)
    throw ConfigError(
        fmt::format("data.augment: brightness, contrast and saturation are for pictures of 1 or 3 "
                    "channels, and one has {}; leave them out",
                    channels));
  if (augment.brightness > 0) {
    const float b = factor(augment.brightness, noise, 4);
    for (float& x : picture.pixels) x = moved(x, 0, b);
  }
  if (augment.contrast > 0) {
    const float c = factor(augment.contrast, noise, 5), m = mean_grey(picture);
    for (float& x : picture.pixels) x = moved(x, m, c);
  }
  if (augment.saturation > 0 && channels == 3) {
    const float s = factor(augment.saturation, noise, 6);
    for (size_t i = 0; i < picture.pixels.size(); i += 3) {
      float* pixel = picture.pixels.data() + i;
      const float g = grey(pixel, channels);
      for (int k = 0; k < 3; ++k) pixel[k] = moved(pixel[k], g, s);
    }
  }
}

}  // namespace weft
