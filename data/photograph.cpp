// as_network_sees: channels, then size.
#include "data/photograph.h"

#include <algorithm>

#include "data/resize.h"
#include "engine/error.h"

namespace weft {
namespace {

/// Gray and colour as each other, to the channels that a network has.
Picture in_channels(const Picture& photograph, int channels) {
  if (photograph.channels == channels) return photograph;
  if ((channels != 1 && channels != 3) || (photograph.channels != 1 && photograph.channels != 3))
    throw ConfigError(fmt::format("predict: the network sees {} channels, a photograph has {}",
                                  channels, photograph.channels));
  Picture out(photograph.height, photograph.width, channels);
  const size_t pixels = static_cast<size_t>(out.height) * out.width;
  for (size_t i = 0; i < pixels; ++i) {
    const float* in = photograph.pixels.data() + i * photograph.channels;
    if (channels == 1) out.pixels[i] = 0.299f * in[0] + 0.587f * in[1] + 0.114f * in[2];
    if (channels == 3) std::fill_n(out.pixels.begin() + static_cast<int64_t>(3 * i), 3, in[0]);
  }
  return out;
}

}  // namespace

Picture as_network_sees(const Picture& photograph, int channels, const std::array<int, 2>& size) {
  const Picture picture = in_channels(photograph, channels);
  return size[0] > 0 ? resize_bilinear(picture, size[0], size[1]) : picture;
}

}  // namespace weft
