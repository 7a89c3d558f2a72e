// How a photograph was held: the orientation 1 to 8 that EXIF notes in a JPEG's APP1 or a PNG's
// eXIf, and the picture turned upright by it. What is not noted, or broken, counts as upright.
#pragma once

#include <string_view>

#include "io/picture.h"

namespace weft {

/// Of a TIFF structure ("II*" or "MM*"), as EXIF holds it.
int tiff_orientation(std::string_view tiff);
/// Of the bytes of a PNG file.
int png_orientation(std::string_view file);

/// Orientations 5 to 8 exchange height and width.
inline bool is_turned(int orientation) { return orientation >= 5; }
Picture upright(Picture stored, int orientation);

}  // namespace weft
