// JPEG through libjpeg's own interface; see jpeg_file.h. A walk over the markers first says what the
// file is, so that the library meets only what it decodes, and no memory is taken for sizes that a
// header merely claims. libjpeg reports errors by longjmp: what it may jump over is plain data.
#include "io/jpeg_file.h"

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <jpeglib.h>  // wants cstdio before it

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

/// The library's errors, and its warnings: damage that it decodes all the same.
struct Errors {
  jpeg_error_mgr manager;  // first: the library hands back its address
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
  bool warned;
};

void fail(j_common_ptr jpeg) {
  auto* errors = reinterpret_cast<Errors*>(jpeg->err);
  jpeg->err->format_message(jpeg, errors->message);
  std::longjmp(errors->back, 1);
}

void note(j_common_ptr jpeg, int level) {
  if (level >= 0) return;  // a trace
  auto* errors = reinterpret_cast<Errors*>(jpeg->err);
  if (!errors->warned) jpeg->err->format_message(jpeg, errors->message);
  errors->warned = true;
}

/// A decoder that has read the headers, freed whatever is thrown over it.
struct Jpeg {
  jpeg_decompress_struct jpeg{};
  Errors errors{};

  Jpeg() {
    jpeg.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = fail;
    errors.manager.emit_message = note;
  }
  ~Jpeg() { jpeg_destroy_decompress(&jpeg); }
  Jpeg(const Jpeg&) = delete;
  Jpeg& operator=(const Jpeg&) = delete;

  bool read_headers(const std::vector<uint8_t>& bytes) {
    if (setjmp(errors.back)) return false;
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes.data(), bytes.size());
    jpeg_read_header(&jpeg, TRUE);
    return true;
  }
  /// `raw`: height x width x channels.
  bool read_pixels(int channels, uint8_t* raw) {
    if (setjmp(errors.back)) return false;
    jpeg.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = raw + static_cast<size_t>(jpeg.output_scanline) * jpeg.output_width *
                               static_cast<size_t>(channels);
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    return !errors.warned;
  }
};

/// What the file is; `jpeg` has then read its headers.
PictureInfo open_jpeg(Jpeg& jpeg, const std::vector<uint8_t>& bytes, const std::string& path) {
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
  if (!jpeg.read_headers(bytes)) refuse(fmt::format("broken JPEG: {}", jpeg.errors.message));
  PictureInfo info;
  info.width = static_cast<int>(jpeg.jpeg.image_width);
  info.height = static_cast<int>(jpeg.jpeg.image_height);
  if (info.width != markers.width || info.height != markers.height)
    refuse("broken JPEG: it has two frame headers");
  if (info.width < 1 || info.height < 1) refuse("broken JPEG: there is no picture in it");
  info.channels = jpeg.jpeg.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
  info.lossy = true;
  info.orientation = markers.orientation;
  return info;
}

}  // namespace

PictureInfo jpeg_info(const std::vector<uint8_t>& bytes, const std::string& path) {
  Jpeg jpeg;
  return open_jpeg(jpeg, bytes, path);
}

Picture decode_jpeg(const std::vector<uint8_t>& bytes, const std::string& path) {
  Jpeg jpeg;
  const PictureInfo info = open_jpeg(jpeg, bytes, path);
  Picture picture(info.height, info.width, info.channels);
  std::vector<uint8_t> raw(picture.pixels.size());
  // A warning is a damaged or truncated file too: half a picture is not training data.
  if (!jpeg.read_pixels(info.channels, raw.data()))
    throw DataError(fmt::format("{}: broken JPEG: {}", path, jpeg.errors.message));
  std::copy(raw.begin(), raw.end(), picture.pixels.begin());
  return picture;
}

}  // namespace weft
