// Picture files by their first bytes, whatever the name says; see picture_io.h.
#include "train/data/picture_io.h"

#include <turbojpeg.h>

#include <algorithm>
#include <memory>

#include "engine/error.h"
#include "train/data/files.h"
#include "train/data/npy_file.h"
#include "train/data/png_file.h"

namespace weft {
namespace {

enum class Format : uint8_t { png, jpeg, npy };

Format format_of(const std::vector<uint8_t>& bytes, const std::string& path) {
  const auto starts = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), reinterpret_cast<const char*>(bytes.data()));
  };
  if (starts("\x89PNG\r\n\x1a\n")) return Format::png;
  if (starts("\xff\xd8\xff")) return Format::jpeg;
  if (starts("\x93NUMPY")) return Format::npy;
  if (bytes.empty()) throw DataError(fmt::format("{}: is empty", path));
  throw DataError(fmt::format("{}: is no PNG, JPEG or npy file", path));
}

using Jpeg = std::unique_ptr<void, int (*)(void*)>;

Jpeg open_jpeg(const std::vector<uint8_t>& bytes, const std::string& path, PictureInfo& info) {
  Jpeg jpeg(tjInitDecompress(), tjDestroy);
  int subsampling = 0, colours = 0;
  if (tjDecompressHeader3(jpeg.get(), bytes.data(), bytes.size(), &info.width, &info.height,
                          &subsampling, &colours) != 0) {
    throw DataError(fmt::format("{}: broken JPEG: {}", path, tjGetErrorStr2(jpeg.get())));
  }
  info.channels = colours == TJCS_GRAY ? 1 : 3;
  info.lossy = true;
  return jpeg;
}

Picture decode_jpeg(const std::vector<uint8_t>& bytes, const std::string& path) {
  PictureInfo info;
  const Jpeg jpeg = open_jpeg(bytes, path, info);
  Picture picture(info.height, info.width, info.channels);
  std::vector<uint8_t> raw(picture.pixels.size());
  // A warning is a damaged or truncated file too: half a picture is not training data.
  if (tjDecompress2(jpeg.get(), bytes.data(), bytes.size(), raw.data(), info.width, 0, info.height,
                    info.channels == 1 ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT) != 0) {
    throw DataError(fmt::format("{}: broken JPEG: {}", path, tjGetErrorStr2(jpeg.get())));
  }
  std::copy(raw.begin(), raw.end(), picture.pixels.begin());
  return picture;
}

Picture as_rgb(const Picture& in, float scale, const std::string& path) {
  if (in.channels != 1 && in.channels < 3) {
    throw DataError(fmt::format("{}: an image has 1 or 3 channels, not {}", path, in.channels));
  }
  Picture out(in.height, in.width, 3);
  const size_t pixels = static_cast<size_t>(in.height) * in.width;
  for (size_t i = 0; i < pixels; ++i) {
    for (int c = 0; c < 3; ++c) {
      out.pixels[i * 3 + c] = in.pixels[i * in.channels + (in.channels == 1 ? 0 : c)] * scale;
    }
  }
  return out;
}

}  // namespace

Picture read_values(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  PictureInfo info;
  switch (format_of(bytes, path)) {
    case Format::png:
      return decode_png(bytes, path, PngPalette::index, info);
    case Format::jpeg:
      return decode_jpeg(bytes, path);
    default:
      return decode_npy(bytes, path);
  }
}

Picture read_image(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  PictureInfo info;
  switch (format_of(bytes, path)) {
    case Format::png: {
      const Picture picture = decode_png(bytes, path, PngPalette::colour, info);
      return as_rgb(picture, info.bits == 16 ? 1.0f / 65535 : 1.0f / 255, path);
    }
    case Format::jpeg:
      return as_rgb(decode_jpeg(bytes, path), 1.0f / 255, path);
    default: {
      const Picture picture = decode_npy(bytes, path);
      const float most = *std::max_element(picture.pixels.begin(), picture.pixels.end());
      return as_rgb(picture, most > 1 ? 1.0f / 255 : 1.0f, path);
    }
  }
}

PictureInfo picture_info(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  switch (format_of(bytes, path)) {
    case Format::png:
      return png_info(bytes, path);
    case Format::jpeg: {
      PictureInfo info;
      open_jpeg(bytes, path, info);
      return info;
    }
    default:
      return npy_info(npy_header(bytes, path), path);
  }
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
