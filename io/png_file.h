// PNG to and from memory through libpng: raw numbers in, raw numbers out. picture_io is the door.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/picture_io.h"

namespace weft {

enum class PngPalette : uint8_t { index, colour };

PictureInfo png_info(const std::vector<uint8_t>& bytes, const std::string& path);
/// Values 0..255 or 0..65535 (info.bits); alpha is dropped; path only serves the messages.
Picture decode_png(const std::vector<uint8_t>& bytes, const std::string& path, PngPalette palette,
                   PictureInfo& info);
std::vector<uint8_t> encode_png(const Picture& values, int bits, const std::string& path);

}  // namespace weft
