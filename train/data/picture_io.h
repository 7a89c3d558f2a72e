// Picture files: PNG (8 and 16 bit; gray, RGB, palette) through libpng, JPEG through libturbojpeg,
// .npy (f4 f8 i4 i8 u1 u2; C and Fortran order). A broken or truncated file is a DataError that
// names the path; a written file appears whole or not at all.
#pragma once

#include <string>

#include "train/data/sample.h"

namespace weft {

/// A file's own numbers: PNG 0..255 or 0..65535 (palette: the index), JPEG 0..255, npy as stored.
/// npy of shape (), (C), (H, W) or (H, W, C) becomes 1x1x1, 1x1xC, HxWx1 or HxWxC.
Picture read_values(const std::string& path);

/// An RGB picture 0..1 of three channels: gray is repeated, a palette looked up, alpha dropped;
/// an npy above 1 counts as 0..255.
Picture read_image(const std::string& path);

/// Size and kind of a picture file, without its pixels where the format allows that.
struct PictureInfo {
  int height = 0, width = 0, channels = 0;
  int bits = 8;  ///< per channel; 0: floating point (npy)
  bool palette = false;
  bool lossy = false;  ///< JPEG
};
PictureInfo picture_info(const std::string& path);

/// 0..1 to 8 bit PNG; 1 (gray) or 3 (RGB) channels; values outside are clamped, NaN is 0.
void write_png(const std::string& path, const Picture& picture);
/// Whole numbers 0..255 (bits 8) or 0..65535 (bits 16) as they are, such as class ids or
/// millimetres.
void write_values_png(const std::string& path, const Picture& values, int bits);
/// f4, C order, shape (H, W, C), or (H, W) for one channel.
void write_npy(const std::string& path, const Picture& picture);

}  // namespace weft
