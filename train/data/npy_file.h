// NumPy's .npy, versions 1 to 3, little endian or single bytes: f4 f8 i4 i8 u1 u2 (and b1, i2, u4),
// C or Fortran order, rank 0 to 3. picture_io is the door.
#pragma once

#include <string>
#include <vector>

#include "train/data/picture_io.h"

namespace weft {

/// The header's dtype as "f4", "u1", ..., its shape and order, and where the numbers begin.
struct NpyHeader {
  std::string dtype;
  bool fortran = false;
  std::vector<int64_t> shape;
  size_t offset = 0;
};

NpyHeader npy_header(const std::vector<uint8_t>& bytes, const std::string& path);
PictureInfo npy_info(const NpyHeader& header, const std::string& path);
Picture decode_npy(const std::vector<uint8_t>& bytes, const std::string& path);
std::vector<uint8_t> encode_npy(const Picture& picture);

}  // namespace weft
