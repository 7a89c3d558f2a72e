// Picture files by their first bytes, whatever the name says; see picture_io.h.
#include "io/picture_io.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "engine/error.h"
#include "io/exif.h"
#include "io/files.h"
#include "io/jpeg_file.h"
#include "io/npy_file.h"
#include "io/png_file.h"

namespace weft {
namespace {

enum class Format : uint8_t { png, jpeg, npy };

std::string_view text_of(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Format format_of(const std::vector<uint8_t>& bytes, const std::string& path) {
  const std::string_view text = text_of(bytes);
  const auto starts = [&](std::string_view magic) { return text.substr(0, magic.size()) == magic; };
  if (starts("\x89PNG\r\n\x1a\n")) return Format::png;
  if (starts("\xff\xd8\xff")) return Format::jpeg;
  if (starts("\x93NUMPY")) return Format::npy;
  if (bytes.empty()) throw DataError(fmt::format("{}: is empty", path));
  const char* kind =
      starts("II*") || starts("MM")                                       ? "a TIFF file"
      : starts("GIF8")                                                    ? "a GIF file"
      : starts("BM")                                                      ? "a BMP file"
      : starts("RIFF") && text.size() > 11 && text.substr(8, 4) == "WEBP" ? "a WebP file"
      : text.substr(std::min<size_t>(4, text.size()), 4) == "ftyp"        ? "a HEIC or AVIF file"
      : starts("PK\x03\x04")                                              ? "an archive (npz)"
                                                                          : nullptr;
  if (kind)
    throw DataError(fmt::format("{}: is {}, no PNG, JPEG or npy file; save it as PNG", path, kind));
  throw DataError(fmt::format("{}: is no PNG, JPEG or npy file", path));
}

Picture as_rgb(const Picture& in, float scale) {
  Picture out(in.height, in.width, 3);
  const size_t pixels = static_cast<size_t>(in.height) * in.width;
  for (size_t i = 0; i < pixels; ++i) {
    for (int c = 0; c < 3; ++c) {
      out.pixels[i * 3 + c] = in.pixels[i * in.channels + (in.channels == 1 ? 0 : c)] * scale;
    }
  }
  return out;
}

/// The number that is white in a photograph of this type.
float white_of(const std::string& dtype, const PictureFormat& format, const std::string& path) {
  if (dtype[0] == 'f') return format.float_max;
  if (dtype == "u1") return 255;
  if (dtype == "u2") return 65535;
  if (dtype == "b1") return 1;
  throw DataError(
      fmt::format("{}: npy of '{}', of which no value is white; save a picture as u1, u2 or floats",
                  path, dtype));
}

void check_npy_pixels(const Picture& picture, float white, const std::string& path) {
  const float slack = white * 1e-3f;
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    const float value = picture.pixels[i];
    if (value >= -slack && value <= white + slack) continue;
    const size_t pixel = i / picture.channels;
    throw DataError(fmt::format(
        "{}: holds {} in row {}, column {}; {}", path, value, pixel / picture.width,
        pixel % picture.width,
        std::isfinite(value)
            ? fmt::format("a picture of floats is 0..{}: data.float_max is the value of white",
                          white)
            : "a picture's values are finite"));
  }
}

Picture npy_image(const std::vector<uint8_t>& bytes, const std::string& path,
                  const PictureFormat& format) {
  const NpyHeader header = npy_header(bytes, path);
  const PictureInfo info = npy_info(header, path, format.channels_first);
  const size_t rank = header.shape.size();
  if (rank < 2 || (info.channels != 1 && info.channels != 3 && info.channels != 4)) {
    const bool first = !format.channels_first && rank == 3 && header.shape[0] <= 4;
    throw DataError(fmt::format(
        "{}: npy of shape ({}); a picture is {}{}", path, fmt::join(header.shape, ", "),
        format.channels_first ? "(C, H, W) with 1, 3 or 4 channels (data.layout is \"chw\")"
                              : "(H, W) or (H, W, C) with 1, 3 or 4 channels",
        first ? "; where channels come first, set data.layout = \"chw\"" : ""));
  }
  const float white = white_of(header.dtype, format, path);
  const Picture picture = decode_npy(bytes, path, format.channels_first);
  check_npy_pixels(picture, white, path);
  return as_rgb(picture, 1 / white);
}

}  // namespace

PictureInfo picture_info(const std::vector<uint8_t>& bytes, const std::string& path,
                         const PictureFormat& format) {
  PictureInfo info;
  switch (format_of(bytes, path)) {
    case Format::png:
      info = png_info(bytes, path);
      info.orientation = png_orientation(text_of(bytes));
      break;
    case Format::jpeg:
      info = jpeg_info(bytes, path);
      break;
    default:
      return npy_info(npy_header(bytes, path), path, format.channels_first);
  }
  if (is_turned(info.orientation)) std::swap(info.height, info.width);
  return info;
}

Picture decode_values(const std::vector<uint8_t>& bytes, const std::string& path,
                      const PictureFormat& format) {
  PictureInfo info;
  switch (format_of(bytes, path)) {
    case Format::png:
      return decode_png(bytes, path, PngPalette::index, info);
    case Format::jpeg:
      return decode_jpeg(bytes, path);
    default:
      return decode_npy(bytes, path, format.channels_first);
  }
}

Picture decode_image(const std::vector<uint8_t>& bytes, const std::string& path,
                     const PictureFormat& format) {
  PictureInfo info;
  switch (format_of(bytes, path)) {
    case Format::png: {
      const Picture picture = decode_png(bytes, path, PngPalette::colour, info);
      return upright(as_rgb(picture, info.bits == 16 ? 1.0f / 65535 : 1.0f / 255),
                     png_orientation(text_of(bytes)));
    }
    case Format::jpeg:
      return upright(as_rgb(decode_jpeg(bytes, path), 1.0f / 255),
                     jpeg_info(bytes, path).orientation);
    default:
      return npy_image(bytes, path, format);
  }
}

PictureInfo picture_info(const std::string& path, const PictureFormat& format) {
  return picture_info(read_file(path), path, format);
}

Picture read_values(const std::string& path, const PictureFormat& format) {
  return decode_values(read_file(path), path, format);
}

Picture read_image(const std::string& path, const PictureFormat& format) {
  return decode_image(read_file(path), path, format);
}

void write_png(const std::string& path, const Picture& picture) {
  Picture values = picture;
  for (float& value : values.pixels) value *= 255;
  write_values_png(path, values, 8);
}

void write_values_png(const std::string& path, const Picture& values, int bits) {
  const std::vector<uint8_t> bytes = encode_png(values, bits, path);
  write_file(path, bytes.data(), bytes.size());
}

void write_npy(const std::string& path, const Picture& picture) {
  const std::vector<uint8_t> bytes = encode_npy(picture);
  write_file(path, bytes.data(), bytes.size());
}

}  // namespace weft
