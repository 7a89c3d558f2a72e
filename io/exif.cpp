// The orientation that EXIF notes; see exif.h. Every offset is checked: the bytes are a stranger's.
#include "io/exif.h"

#include <algorithm>
#include <cstdint>

namespace weft {
namespace {

/// A whole number of `size` bytes at `at`; 0 where the text ends before.
uint32_t number_at(std::string_view text, size_t at, int size, bool big) {
  if (at > text.size() || text.size() - at < static_cast<size_t>(size)) return 0;
  uint32_t value = 0;
  for (int i = 0; i < size; ++i) {
    const int shift = 8 * (big ? size - 1 - i : i);
    value |= static_cast<uint32_t>(static_cast<unsigned char>(text[at + i])) << shift;
  }
  return value;
}

}  // namespace

int tiff_orientation(std::string_view tiff) {
  constexpr uint32_t orientation_tag = 0x0112;
  const bool big = tiff.substr(0, 4) == std::string_view("MM\0*", 4);
  if (!big && tiff.substr(0, 4) != std::string_view("II*\0", 4)) return 1;
  const size_t directory = number_at(tiff, 4, 4, big);
  const uint32_t entries = number_at(tiff, directory, 2, big);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * static_cast<size_t>(i);
    if (entry >= tiff.size()) break;
    if (number_at(tiff, entry, 2, big) != orientation_tag) continue;
    const bool wide = number_at(tiff, entry + 2, 2, big) == 4;  // LONG where it should be SHORT
    const uint32_t value = number_at(tiff, entry + 8, wide ? 4 : 2, big);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

int png_orientation(std::string_view file) {
  for (size_t at = 8; at + 12 <= file.size();) {
    const size_t length = number_at(file, at, 4, true);
    if (length > file.size() - at - 12) break;
    if (file.substr(at + 4, 4) == "eXIf") return tiff_orientation(file.substr(at + 8, length));
    at += 12 + length;
  }
  return 1;
}

Picture upright(Picture stored, int orientation) {
  if (orientation == 1) return stored;
  const int h = stored.height, w = stored.width, channels = stored.channels;
  const bool turned = is_turned(orientation);
  Picture out(turned ? w : h, turned ? h : w, channels);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int row = turned ? x : y, column = turned ? y : x;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        row = h - 1 - row;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        column = w - 1 - column;
      std::copy_n(stored.at(row, column), channels, out.at(y, x));
    }
  }
  return out;
}

}  // namespace weft
