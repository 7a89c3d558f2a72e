// JPEG through libturbojpeg; see jpeg_file.h. A walk over the markers first says what the file is,
// so that the library meets only what it decodes, and no memory is taken for sizes that a header
// merely claims.
#include "io/jpeg_file.h"

#include <turbojpeg.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/error.h"
#include "io/exif.h"

namespace weft {
namespace {

/// What the markers before the pixels say; `frame` 0: there is no frame header.
struct Markers {
  int frame = 0, bits = 0, components = 0, orientation = 1;
  int64_t height = 0, width = 0;
};

bool is_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

Markers read_markers(const std::vector<uint8_t>& bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Markers out;
  for (size_t at = 2; at + 4 <= bytes.size();) {
    if (bytes[at] != 0xFF) break;
    const int marker = bytes[at + 1];
    if (marker == 0xFF) {  // padding
      ++at;
      continue;
    }
    if (marker == 0xD9 || marker == 0xDA) break;  // the end, the pixels
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
      at += 2;
      continue;
    }
    const size_t length = bytes[at + 2] << 8 | bytes[at + 3];
    if (length < 2 || length > bytes.size() - at - 2) break;
    const std::string_view body = text.substr(at + 4, length - 2);
    const std::string_view exif("Exif\0\0", 6);
    if (marker == 0xE1 && body.substr(0, 6) == exif && out.orientation == 1)
      out.orientation = tiff_orientation(body.substr(6));
    if (is_frame(marker) && length >= 8) {
      const uint8_t* frame = bytes.data() + at + 4;
      out.frame = marker;
      out.bits = frame[0];
      out.height = frame[1] << 8 | frame[2];
      out.width = frame[3] << 8 | frame[4];
      out.components = frame[5];
      break;
    }
    at += 2 + length;
  }
  return out;
}

using Jpeg = std::unique_ptr<void, int (*)(void*)>;

Jpeg open_jpeg(const std::vector<uint8_t>& bytes, const std::string& path, PictureInfo& info) {
  const auto refuse = [&](const std::string& why) {
    throw DataError(fmt::format("{}: {}", path, why));
  };
  const Markers markers = read_markers(bytes);
  const int kind = markers.frame & 3;
  if (markers.frame != 0 && kind == 3)
    refuse("is a lossless JPEG, which is not read; save it as PNG");
  if (markers.frame > 0xC2 && markers.frame != 0xC9 && markers.frame != 0xCA)
    refuse("is a hierarchical JPEG, which is not read; save it as PNG");
  if (markers.frame != 0 && markers.bits != 8)
    refuse(fmt::format("is a JPEG of {} bits, which is not read; save it as PNG", markers.bits));
  if (markers.components == 4) refuse("is a CMYK JPEG, which has no RGB colours; save it as RGB");
  const int64_t pixels = markers.height * markers.width;
  if (pixels > most_pixels)
    refuse(fmt::format("is {} x {}: more than 2^27 pixels", markers.height, markers.width));
  // A block of 64 pixels takes a bit or more (an eighth of one with arithmetic coding).
  if (pixels / (64 * 64) > static_cast<int64_t>(bytes.size()))
    refuse(fmt::format("broken JPEG: {} bytes cannot hold {} x {} pixels", bytes.size(),
                       markers.height, markers.width));
  Jpeg jpeg(tjInitDecompress(), tjDestroy);
  if (!jpeg) throw Error(fmt::format("libturbojpeg does not start: {}", tjGetErrorStr2(nullptr)));
  int subsampling = 0, colours = 0;
  if (tjDecompressHeader3(jpeg.get(), bytes.data(), bytes.size(), &info.width, &info.height,
                          &subsampling, &colours) != 0) {
    refuse(fmt::format("broken JPEG: {}", tjGetErrorStr2(jpeg.get())));
  }
  if (info.width != markers.width || info.height != markers.height)
    refuse("broken JPEG: it has two frame headers");
  if (info.width < 1 || info.height < 1) refuse("broken JPEG: there is no picture in it");
  info.channels = colours == TJCS_GRAY ? 1 : 3;
  info.lossy = true;
  info.orientation = markers.orientation;
  return jpeg;
}

}  // namespace

PictureInfo jpeg_info(const std::vector<uint8_t>& bytes, const std::string& path) {
  PictureInfo info;
  open_jpeg(bytes, path, info);
  return info;
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

}  // namespace weft
