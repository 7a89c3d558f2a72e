// NumPy's .npy, versions 1 to 3: floats (f2 f4 f8), whole numbers (u1 u2 u4 i1 i2 i4 i8) and b1, of
// either byte order, C or Fortran order, rank 0 to 3. Other types are refused by their names.
// picture_io is the door.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/picture_io.h"

namespace weft {

/// The header's dtype as "f4", "u1", ..., its shape and order, and where the numbers begin.
struct NpyHeader {
  std::string dtype;
  bool big_endian = false, fortran = false;
  std::vector<int64_t> shape;
  size_t offset = 0;
};

/// Also checks that the file holds as many numbers as the shape says.
NpyHeader npy_header(const std::vector<uint8_t>& bytes, const std::string& path);
/// channels_first: an array of rank 3 is (C, H, W).
PictureInfo npy_info(const NpyHeader& header, const std::string& path, bool channels_first);
Picture decode_npy(const std::vector<uint8_t>& bytes, const std::string& path, bool channels_first);
std::vector<uint8_t> encode_npy(const Picture& picture);

}  // namespace weft
