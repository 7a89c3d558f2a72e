// NumPy's .npy; see npy_file.h. The header is a Python dict written as text:
// {'descr': '<f4', 'fortran_order': True, 'shape': (480, 640), }
#include "train/data/npy_file.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include "engine/error.h"

namespace weft {
namespace {

constexpr int64_t most_numbers = int64_t{1} << 28;

[[noreturn]] void broken(const std::string& path, const std::string& what) {
  throw DataError(fmt::format("{}: broken npy: {}", path, what));
}

/// The text behind 'key': in the header's dict.
std::string_view value_of(std::string_view dict, std::string_view key, const std::string& path) {
  const size_t at = dict.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) broken(path, fmt::format("no '{}' in the header", key));
  std::string_view rest = dict.substr(at + key.size() + 3);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  return rest;
}

size_t width_of(const std::string& dtype, const std::string& path) {
  for (const char* known : {"f4", "f8", "i4", "i8", "u1", "u2", "b1", "i1", "i2", "u4"}) {
    if (dtype == known) return dtype[1] - '0';
  }
  throw DataError(
      fmt::format("{}: npy dtype '{}' is not read; f4 f8 i4 i8 u1 u2 are", path, dtype));
}

template <class T>
float number_at(const uint8_t* data, size_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof(T));
  return static_cast<float>(value);
}

float number(const std::string& dtype, const uint8_t* data, size_t index) {
  if (dtype == "f4") return number_at<float>(data, index);
  if (dtype == "f8") return number_at<double>(data, index);
  if (dtype == "i4") return number_at<int32_t>(data, index);
  if (dtype == "i8") return number_at<int64_t>(data, index);
  if (dtype == "u2") return number_at<uint16_t>(data, index);
  if (dtype == "i2") return number_at<int16_t>(data, index);
  if (dtype == "u4") return number_at<uint32_t>(data, index);
  if (dtype == "i1") return number_at<int8_t>(data, index);
  return number_at<uint8_t>(data, index);
}

}  // namespace

NpyHeader npy_header(const std::vector<uint8_t>& bytes, const std::string& path) {
  if (bytes.size() < 12 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0) {
    broken(path, "no NumPy signature");
  }
  const bool wide = bytes[6] >= 2;
  size_t length = bytes[8] | bytes[9] << 8;
  if (wide) length |= static_cast<size_t>(bytes[10]) << 16 | static_cast<size_t>(bytes[11]) << 24;
  NpyHeader header;
  header.offset = (wide ? 12 : 10) + length;
  if (header.offset > bytes.size()) broken(path, "the file ends inside its header");
  const std::string_view dict(reinterpret_cast<const char*>(bytes.data()) + (wide ? 12 : 10),
                              length);
  const std::string_view descr = value_of(dict, "descr", path);
  const size_t close = descr.find('\'', 1);
  if (descr.empty() || descr[0] != '\'' || close == std::string_view::npos || close < 3) {
    broken(path, "structured or unreadable 'descr'");
  }
  if (descr[1] == '>') broken(path, "big-endian numbers are not read");
  header.dtype = std::string(descr.substr(2, close - 2));
  header.fortran = value_of(dict, "fortran_order", path).substr(0, 4) == "True";
  const std::string_view shape = value_of(dict, "shape", path);
  if (shape.empty() || shape[0] != '(') broken(path, "unreadable 'shape'");
  int64_t count = 1;
  for (size_t i = 1; i < shape.size() && shape[i] != ')'; ++i) {
    if (!std::isdigit(static_cast<unsigned char>(shape[i]))) continue;
    int64_t extent = 0;
    for (; i < shape.size() && std::isdigit(static_cast<unsigned char>(shape[i])); ++i) {
      extent = std::min(extent * 10 + (shape[i] - '0'), most_numbers + 1);
    }
    header.shape.push_back(extent);
    count *= extent;
    if (count > most_numbers) broken(path, "more than 2^28 numbers");
    --i;
  }
  return header;
}

PictureInfo npy_info(const NpyHeader& header, const std::string& path) {
  const std::vector<int64_t>& shape = header.shape;
  if (shape.size() > 3 || std::count(shape.begin(), shape.end(), 0) > 0) {
    throw DataError(fmt::format("{}: npy of rank {} (or empty); expected (C), (H, W) or (H, W, C)",
                                path, shape.size()));
  }
  PictureInfo info{1, 1, 1, 0, false};
  if (shape.size() == 1) info.channels = static_cast<int>(shape[0]);
  if (shape.size() >= 2) {
    info.height = static_cast<int>(shape[0]);
    info.width = static_cast<int>(shape[1]);
  }
  if (shape.size() == 3) info.channels = static_cast<int>(shape[2]);
  if (header.dtype[0] != 'f') info.bits = static_cast<int>(8 * width_of(header.dtype, path));
  return info;
}

Picture decode_npy(const std::vector<uint8_t>& bytes, const std::string& path) {
  const NpyHeader header = npy_header(bytes, path);
  const PictureInfo info = npy_info(header, path);
  Picture picture(info.height, info.width, info.channels);
  const size_t count = picture.pixels.size(), width = width_of(header.dtype, path);
  if (bytes.size() - header.offset < count * width) {
    broken(path, fmt::format("{} bytes of numbers where the shape needs {}",
                             bytes.size() - header.offset, count * width));
  }
  const uint8_t* data = bytes.data() + header.offset;
  if (!header.fortran) {
    for (size_t i = 0; i < count; ++i) picture.pixels[i] = number(header.dtype, data, i);
    return picture;
  }
  for (int c = 0; c < info.channels; ++c) {  // Fortran order: the first index runs fastest
    for (int x = 0; x < info.width; ++x) {
      for (int y = 0; y < info.height; ++y) {
        const size_t from = (static_cast<size_t>(c) * info.width + x) * info.height + y;
        picture.at(y, x)[c] = number(header.dtype, data, from);
      }
    }
  }
  return picture;
}

std::vector<uint8_t> encode_npy(const Picture& picture) {
  const std::string shape =
      picture.channels == 1
          ? fmt::format("({}, {})", picture.height, picture.width)
          : fmt::format("({}, {}, {})", picture.height, picture.width, picture.channels);
  std::string dict =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': {}, }}", shape);
  dict.append(63 - (dict.size() + 10) % 64, ' ');  // the numbers begin at a multiple of 64
  dict += '\n';
  std::vector<uint8_t> bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  bytes.push_back(static_cast<uint8_t>(dict.size()));
  bytes.push_back(static_cast<uint8_t>(dict.size() >> 8));
  bytes.insert(bytes.end(), dict.begin(), dict.end());
  const auto* numbers = reinterpret_cast<const uint8_t*>(picture.pixels.data());
  bytes.insert(bytes.end(), numbers, numbers + picture.pixels.size() * sizeof(float));
  return bytes;
}

}  // namespace weft
