// Picture files by their first bytes: PNG (1 to 16 bit; gray, RGB, palette, interlaced) through
// libpng, JPEG through libjpeg, .npy (floats and whole numbers of either byte order; C and
// Fortran order). What is broken, truncated or of a kind that is not read is a DataError that names
// the path and the kind, before memory is taken for what a header merely claims.
// A written file appears whole or not at all.
#pragma once

#include <cstdint>
#include <string>

#include "io/picture.h"

namespace weft {

inline constexpr int64_t most_pixels = int64_t{1} << 27;  ///< of a PNG or JPEG

/// What npy files do not say themselves: the run file does (data/spec.h).
struct PictureFormat {
  bool channels_first = false;  ///< (C, H, W) instead of (H, W, C)
  float float_max = 1;          ///< the value of white in a picture of floats
};

/// Size and kind of a picture file, without its pixels where the format allows that.
struct PictureInfo {
  int height = 0, width = 0, channels = 0;  ///< upright
  int bits = 8;                             ///< per channel; 0: floating point (npy)
  bool palette = false;
  bool lossy = false;   ///< JPEG
  int orientation = 1;  ///< of EXIF; other than 1: the file holds the picture turned
};
PictureInfo picture_info(const std::string& path, const PictureFormat& format = {});

/// A file's own numbers, as they lie in it: PNG 0..255 or 0..65535 (palette: the index), JPEG
/// 0..255, npy as stored. npy of shape (), (C), (H, W) or (H, W, C) becomes 1x1x1, 1x1xC, HxWx1 or
/// HxWxC.
Picture read_values(const std::string& path, const PictureFormat& format = {});

/// An RGB photograph, upright: black 0, white 1 by the type of the file's numbers (255, 65535,
/// float_max). Gray is repeated, a palette looked up, alpha dropped. Numbers of an npy that are not
/// finite or outside black..white are refused with their place.
Picture read_image(const std::string& path, const PictureFormat& format = {});

/// The same of bytes in memory; `path` only serves the messages.
PictureInfo picture_info(const std::vector<uint8_t>& bytes, const std::string& path,
                         const PictureFormat& format = {});
Picture decode_values(const std::vector<uint8_t>& bytes, const std::string& path,
                      const PictureFormat& format = {});
Picture decode_image(const std::vector<uint8_t>& bytes, const std::string& path,
                     const PictureFormat& format = {});

/// 0..1 to 8 bit PNG; 1 (gray) or 3 (RGB) channels; values outside are clamped, NaN is 0.
void write_png(const std::string& path, const Picture& picture);
/// Whole numbers 0..255 (bits 8) or 0..65535 (bits 16) as they are, such as class ids or
/// millimetres.
void write_values_png(const std::string& path, const Picture& values, int bits);
/// f4, C order, shape (H, W, C), or (H, W) for one channel.
void write_npy(const std::string& path, const Picture& picture);

}  // namespace weft
