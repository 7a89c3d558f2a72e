// Bytes as a picture: what its header says, its own numbers, and the photograph. Of pictures of
// more than 4096 pixels only the header is read, which is what decides on them; to decode them
// takes time and shows nothing that a small one does not.
#pragma once

#include <cmath>

#include "io/picture_io.h"
#include "tests/fuzz/targets/target.h"

namespace weft::fuzz {

inline void read_picture(const std::vector<uint8_t>& bytes, const PictureFormat& format = {}) {
  PictureInfo info;
  if (!reads([&] { info = picture_info(bytes, "x", format); })) return;
  require(info.height > 0 && info.width > 0 && info.channels > 0, "a size");
  if (int64_t{info.height} * info.width * info.channels > 3 * 4096) return;
  reads([&] {
    const Picture values = decode_values(bytes, "x", format);
    const size_t numbers = static_cast<size_t>(values.height) * values.width * values.channels;
    require(values.pixels.size() == numbers, "a number a pixel");
    require(values.height * values.width == info.height * info.width, "as the header says");
  });
  reads([&] {
    const Picture image = decode_image(bytes, "x", format);
    require(image.height == info.height && image.width == info.width && image.channels == 3,
            "an upright photograph");
    for (float value : image.pixels) require(value > -0.01f && value < 1.01f, "black to white");
  });
}

}  // namespace weft::fuzz
