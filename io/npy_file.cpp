// NumPy's .npy; see npy_file.h. The header is a Python dict written as text:
// {'descr': '<f4', 'fortran_order': True, 'shape': (480, 640), }
#include "io/npy_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "engine/error.h"

namespace weft {
namespace {

constexpr int64_t most_numbers = int64_t{1} << 28;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

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

/// Bytes of a number.
size_t width_of(const std::string& dtype) { return static_cast<size_t>(dtype[1] - '0'); }

/// 'descr' as "f4", without its byte order.
void read_dtype(std::string_view descr, NpyHeader& header, const std::string& path) {
  if (!descr.empty() && descr[0] == '[')
    throw DataError(fmt::format("{}: npy of records, which is no picture", path));
  const size_t close = descr.find('\'', 1);
  if (descr.empty() || descr[0] != '\'' || close == std::string_view::npos || close < 3)
    broken(path, "unreadable 'descr'");
  header.big_endian = descr[1] == '>';
  header.dtype = std::string(descr.substr(2, close - 2));
  for (const char* known : {"f2", "f4", "f8", "u1", "u2", "u4", "i1", "i2", "i4", "i8", "b1"})
    if (header.dtype == known) return;
  throw DataError(fmt::format(
      "{}: npy dtype '{}' is not read; f2 f4 f8 u1 u2 u4 i1 i2 i4 i8 b1 are", path, header.dtype));
}

/// "(480, 640)"; the product is bounded, so that nothing overflows.
std::vector<int64_t> read_shape(std::string_view text, const std::string& path) {
  std::vector<int64_t> shape;
  if (text.empty() || text[0] != '(') broken(path, "unreadable 'shape'");
  int64_t count = 1;
  for (size_t i = 1;; ++i) {
    if (i >= text.size()) broken(path, "unreadable 'shape'");
    if (text[i] == ')') return shape;
    if (text[i] == ' ' || text[i] == ',') continue;
    int64_t extent = 0;
    if (!is_digit(text[i])) broken(path, "unreadable 'shape'");
    for (; i < text.size() && is_digit(text[i]); ++i)
      extent = std::min(extent * 10 + (text[i] - '0'), most_numbers + 1);
    --i;
    shape.push_back(extent);
    count *= extent;
    if (extent > most_numbers || count > most_numbers) broken(path, "more than 2^28 numbers");
  }
}

template <class T>
T number_at(const uint8_t* data, bool swap) {
  uint8_t bytes[sizeof(T)];
  std::memcpy(bytes, data, sizeof(T));
  if (swap) std::reverse(bytes, bytes + sizeof(T));
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// IEEE half precision: 1 sign, 5 exponent and 10 fraction bits.
float half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value = std::ldexp(static_cast<float>(fraction + (exponent > 0 ? 1024 : 0)),
                           std::max(exponent, 1) - 25);
  if (exponent == 31)
    value =
        fraction ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  return bits >> 15 ? -value : value;
}

/// A double that no float holds becomes infinite, which the readers refuse.
float narrow(double value) {
  if (std::abs(value) <= std::numeric_limits<float>::max() || std::isnan(value))
    return static_cast<float>(value);
  const float infinity = std::numeric_limits<float>::infinity();
  return value > 0 ? infinity : -infinity;
}

/// `count` numbers of `header`'s type as floats.
template <class Put>
void read_numbers(const NpyHeader& header, const uint8_t* data, size_t count, const Put& put) {
  const bool swap = header.big_endian;
  const auto each = [&](auto type) {
    using T = decltype(type);
    for (size_t i = 0; i < count; ++i)
      put(static_cast<float>(number_at<T>(data + i * sizeof(T), swap)));
  };
  const std::string& dtype = header.dtype;
  if (dtype == "f2") {
    for (size_t i = 0; i < count; ++i) put(half(number_at<uint16_t>(data + 2 * i, swap)));
  } else if (dtype == "f4") {
    each(float{});
  } else if (dtype == "f8") {
    for (size_t i = 0; i < count; ++i) put(narrow(number_at<double>(data + 8 * i, swap)));
  } else if (dtype == "u2") {
    each(uint16_t{});
  } else if (dtype == "u4") {
    each(uint32_t{});
  } else if (dtype == "i1") {
    each(int8_t{});
  } else if (dtype == "i2") {
    each(int16_t{});
  } else if (dtype == "i4") {
    each(int32_t{});
  } else if (dtype == "i8") {
    each(int64_t{});
  } else {
    each(uint8_t{});
  }
}

}  // namespace

NpyHeader npy_header(const std::vector<uint8_t>& bytes, const std::string& path) {
  if (bytes.size() < 12 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0) {
    broken(path, "no NumPy signature");
  }
  if (bytes[6] < 1 || bytes[6] > 3)
    throw DataError(fmt::format("{}: npy of version {}, which is not read; 1 to 3 are", path,
                                static_cast<int>(bytes[6])));
  const bool wide = bytes[6] >= 2;
  size_t length = bytes[8] | bytes[9] << 8;
  if (wide) length |= static_cast<size_t>(bytes[10]) << 16 | static_cast<size_t>(bytes[11]) << 24;
  NpyHeader header;
  header.offset = (wide ? 12 : 10) + length;
  if (header.offset > bytes.size()) broken(path, "the file ends inside its header");
  const std::string_view dict(reinterpret_cast<const char*>(bytes.data()) + (wide ? 12 : 10),
                              length);
  read_dtype(value_of(dict, "descr", path), header, path);
  const std::string_view order = value_of(dict, "fortran_order", path);
  header.fortran = order.substr(0, 4) == "True";
  if (!header.fortran && order.substr(0, 5) != "False") broken(path, "unreadable 'fortran_order'");
  header.shape = read_shape(value_of(dict, "shape", path), path);
  size_t need = width_of(header.dtype);
  for (const int64_t extent : header.shape) need *= static_cast<size_t>(extent);
  if (bytes.size() - header.offset < need) {
    broken(path, fmt::format("{} bytes of numbers where the shape needs {}",
                             bytes.size() - header.offset, need));
  }
  return header;
}

PictureInfo npy_info(const NpyHeader& header, const std::string& path, bool channels_first) {
  const std::vector<int64_t>& shape = header.shape;
  if (shape.size() > 3 || std::count(shape.begin(), shape.end(), 0) > 0) {
    throw DataError(
        fmt::format("{}: npy of shape ({}); expected (C), (H, W) or {}, and none of them 0", path,
                    fmt::join(shape, ", "), channels_first ? "(C, H, W)" : "(H, W, C)"));
  }
  std::vector<int64_t> hwc{1, 1, 1};
  if (shape.size() == 1) hwc[2] = shape[0];
  if (shape.size() >= 2) std::copy(shape.begin(), shape.end(), hwc.begin());
  if (shape.size() == 3 && channels_first) hwc = {shape[1], shape[2], shape[0]};
  PictureInfo info;
  info.height = static_cast<int>(hwc[0]);
  info.width = static_cast<int>(hwc[1]);
  info.channels = static_cast<int>(hwc[2]);
  info.bits = header.dtype[0] == 'f' ? 0 : static_cast<int>(8 * width_of(header.dtype));
  return info;
}

Picture decode_npy(const std::vector<uint8_t>& bytes, const std::string& path,
                   bool channels_first) {
  const NpyHeader header = npy_header(bytes, path);
  const PictureInfo info = npy_info(header, path, channels_first);
  Picture picture(info.height, info.width, info.channels);
  // The file's three axes from slow to fast: how long each is, and its step in the picture.
  const auto h = static_cast<size_t>(info.height), w = static_cast<size_t>(info.width),
             c = static_cast<size_t>(info.channels);
  const bool first = channels_first && header.shape.size() == 3;
  std::array<size_t, 3> extents = first ? std::array{c, h, w} : std::array{h, w, c};
  std::array<size_t, 3> target =
      first ? std::array<size_t, 3>{1, w * c, c} : std::array<size_t, 3>{w * c, c, 1};
  if (header.fortran) {  // the first index runs fastest
    std::reverse(extents.begin(), extents.end());
    std::reverse(target.begin(), target.end());
  }
  std::array<size_t, 3> index{};
  read_numbers(header, bytes.data() + header.offset, picture.pixels.size(), [&](float value) {
    picture.pixels[index[0] * target[0] + index[1] * target[1] + index[2] * target[2]] = value;
    if (++index[2] < extents[2]) return;
    index[2] = 0;
    if (++index[1] < extents[1]) return;
    index[1] = 0;
    ++index[0];
  });
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
