// Picture files byte by byte, where weft itself writes no such: npy of every type and order, PNG of
// every depth and colour, JPEG of every kind, and EXIF inside of both.
#pragma once

#include <fmt/format.h>
#include <png.h>
#include <turbojpeg.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::test {

using Bytes = std::vector<uint8_t>;

inline Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

template <class T>
Bytes npy(const std::string& descr, const std::string& shape, std::vector<T> numbers,
          bool fortran = false) {
  if (descr[0] == '>')
    for (T& number : numbers) {
      auto* at = reinterpret_cast<uint8_t*>(&number);
      std::reverse(at, at + sizeof(T));
    }
  const std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n",
                                       descr, fortran ? "True" : "False", shape);
  std::string text("\x93NUMPY\1\0", 8);
  text += static_cast<char>(dict.size());
  text += '\0';
  text += dict;
  text.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T));
  return bytes_of(text);
}

/// A PNG by libpng itself, of any depth, colour and interlacing; rows are packed already.
inline Bytes png(int width, int height, int depth, int colour, std::vector<Bytes> rows,
                 bool interlaced = false) {
  Bytes out;
  png_structp write = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(write);
  png_set_write_fn(
      write, &out,
      [](png_structp p, png_bytep data, png_size_t size) {
        auto* to = static_cast<Bytes*>(png_get_io_ptr(p));
        to->insert(to->end(), data, data + size);
      },
      nullptr);
  png_set_IHDR(write, info, width, height, depth, colour,
               interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_color palette[4] = {{0, 0, 0}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(write, info, palette, 4);
  png_write_info(write, info);
  std::vector<png_bytep> pointers;
  for (Bytes& row : rows) pointers.push_back(row.data());
  png_write_image(write, pointers.data());
  png_write_end(write, nullptr);
  png_destroy_write_struct(&write, &info);
  return out;
}

inline std::string tiff_of(int orientation, bool big) {
  std::string text = big ? std::string("MM\0*\0\0\0\x08", 8) : std::string("II*\0\x08\0\0\0", 8);
  const auto word = [&](int value, int size) {
    for (int i = 0; i < size; ++i)
      text += static_cast<char>(value >> 8 * (big ? size - 1 - i : i) & 255);
  };
  word(2, 2);  // entries: ImageWidth, Orientation
  word(0x0100, 2), word(3, 2), word(1, 4), word(9, 2), word(0, 2);
  word(0x0112, 2), word(3, 2), word(1, 4), word(orientation, 2), word(0, 2);
  word(0, 4);
  return text;
}

/// The PNG with an eXIf chunk before its end.
inline Bytes with_exif(Bytes png, const std::string& tiff) {
  std::string chunk = "eXIf" + tiff;
  const auto crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(chunk.size())));
  const auto big = [](uint32_t v) {
    return std::string{static_cast<char>(v >> 24), static_cast<char>(v >> 16),
                       static_cast<char>(v >> 8), static_cast<char>(v)};
  };
  chunk = big(static_cast<uint32_t>(tiff.size())) + chunk + big(crc);
  png.insert(png.end() - 12, chunk.begin(), chunk.end());
  return png;
}

inline Bytes jpeg(int width, int height, int format, int subsampling, const Bytes& raw) {
  tjhandle handle = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  tjCompress2(handle, raw.data(), width, 0, height, format, &data, &size, subsampling, 95, 0);
  Bytes out(data, data + size);
  tjFree(data);
  tjDestroy(handle);
  return out;
}

/// A gray JPEG of 8 x 16 pixels: dark on the left half (or on top, `turned`).
inline Bytes half_dark_jpeg(bool turned) {
  const int w = turned ? 8 : 16, h = turned ? 16 : 8;
  Bytes raw(128);
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) raw[y * w + x] = (turned ? y : x) < 8 ? 10 : 240;
  return jpeg(w, h, TJPF_GRAY, TJSAMP_GRAY, raw);
}

inline Bytes with_app1(Bytes jpeg, const std::string& tiff) {
  std::string segment("\xff\xe1\0\0Exif\0\0", 10);
  segment += tiff;
  segment[2] = static_cast<char>((segment.size() - 2) >> 8);
  segment[3] = static_cast<char>(segment.size() - 2);
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
  return jpeg;
}

/// Where a frame header begins.
inline size_t frame_of(const Bytes& jpeg) {
  for (size_t i = 2; i + 1 < jpeg.size(); ++i)
    if (jpeg[i] == 0xFF && jpeg[i + 1] == 0xC0) return i;
  return 0;
}

}  // namespace weft::test
