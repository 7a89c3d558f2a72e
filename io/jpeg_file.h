// JPEG from memory through libjpeg: 8 bit gray or colour. Kinds that mean something else
// (CMYK, 12 bit, lossless) are refused by their names. picture_io is the door.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/picture_io.h"

namespace weft {

/// Size, channels and orientation, from the headers alone; height and width are as stored.
PictureInfo jpeg_info(const std::vector<uint8_t>& bytes, const std::string& path);
/// Values 0..255, as stored: not turned upright.
Picture decode_jpeg(const std::vector<uint8_t>& bytes, const std::string& path);

}  // namespace weft
