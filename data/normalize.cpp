// Pixels 0..1 to what a network sees, and back; see normalize.h. Both ways are out = in * a + b
// with the channel taken from the other end for caffe's BGR.
#include "data/normalize.h"

#include <algorithm>

#include "engine/error.h"

namespace weft {
namespace {

struct Affine {
  float factor, shift;
  int channel;  ///< of the RGB picture
};

Affine affine(Normalize how, int channel, int channels) {
  constexpr float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};
  constexpr float bgr_mean[3] = {104.00698793f, 116.66876762f, 122.67891434f};
  if (how == Normalize::none) return {1, 0, channel};
  if (channels == 1) {
    return how == Normalize::imagenet ? Affine{1 / 0.226f, -0.449f / 0.226f, 0}
                                      : Affine{255, -114.45086f, 0};
  }
  if (channels != 3) {
    throw ConfigError(fmt::format(
        "data.normalize: images of {} channels need \"none\", not \"imagenet\" or \"caffe\"",
        channels));
  }
  if (how == Normalize::imagenet) {
    return {1 / deviation[channel], -mean[channel] / deviation[channel], channel};
  }
  return {255, -bgr_mean[channel], 2 - channel};
}

}  // namespace

void normalize_pixels(const Picture& picture, Normalize how, float* target) {
  const int channels = picture.channels;
  for (int c = 0; c < channels; ++c) {
    const Affine a = affine(how, c, channels);
    for (size_t i = 0; i < picture.pixels.size(); i += channels) {
      target[i + c] = picture.pixels[i + a.channel] * a.factor + a.shift;
    }
  }
}

Picture restore_pixels(const float* pixels, int height, int width, int channels, Normalize how) {
  Picture picture(height, width, channels);
  for (int c = 0; c < channels; ++c) {
    const Affine a = affine(how, c, channels);
    for (size_t i = 0; i < picture.pixels.size(); i += channels) {
      picture.pixels[i + a.channel] = std::clamp((pixels[i + c] - a.shift) / a.factor, 0.0f, 1.0f);
    }
  }
  return picture;
}

}  // namespace weft
