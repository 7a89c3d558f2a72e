// PNG through libpng; see png_file.h. libpng reports errors by longjmp, so everything it may jump
// over is plain data, and the vectors live in the caller's frame.
#include "io/png_file.h"

#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <new>

#include "engine/error.h"

namespace weft {
namespace {

/// What libpng's callbacks see: the bytes read so far and the first error.
struct Source {
  const uint8_t* bytes;
  size_t size, at;
  char message[200];
};

void fail(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message, message, sizeof source->message - 1);
  png_longjmp(png, 1);
}

void pull(png_structp png, png_bytep target, png_size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (source->size - source->at < size) png_error(png, "the file ends too early");
  std::memcpy(target, source->bytes + source->at, size);
  source->at += size;
}

void push(png_structp png, png_bytep from, png_size_t size) {
  auto* bytes = static_cast<std::vector<uint8_t>*>(png_get_io_ptr(png));
  bytes->insert(bytes->end(), from, from + size);
}

void ignore_warning(png_structp, png_const_charp) {}

/// The header's facts and, where `pixels` is given, the rows as libpng delivers them.
struct Decoded {
  PictureInfo info;
  int stored_channels = 0;  ///< with alpha
  std::vector<uint8_t> rows;
  std::vector<png_bytep> pointers;
};

/// libpng's two structs, freed whatever is thrown over them.
struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;

  explicit Reader(Source& source)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, fail, ignore_warning)) {
    if (png) info = png_create_info_struct(png);
    if (!info) {
      png_destroy_read_struct(&png, &info, nullptr);
      throw std::bad_alloc();
    }
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

bool run_reader(png_structp png, png_infop info, Source& source, PngPalette palette,
                bool want_pixels, Decoded& decoded) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_read_fn(png, &source, pull);
  png_read_info(png, info);
  const int colour = png_get_color_type(png, info);
  const int64_t height = png_get_image_height(png, info), width = png_get_image_width(png, info);
  if (height * width > most_pixels) png_error(png, "more than 2^27 pixels");
  decoded.info.palette = colour == PNG_COLOR_TYPE_PALETTE;
  decoded.info.bits = png_get_bit_depth(png, info) == 16 ? 16 : 8;
  if (decoded.info.palette && palette == PngPalette::colour) png_set_palette_to_rgb(png);
  if (png_get_bit_depth(png, info) < 8) {
    // Labels keep their small ids; a picture's gray is stretched to 0..255.
    if (palette == PngPalette::colour && colour == PNG_COLOR_TYPE_GRAY) {
      png_set_expand_gray_1_2_4_to_8(png);
    } else {
      png_set_packing(png);
    }
  }
  if (decoded.info.bits == 16) png_set_swap(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  decoded.stored_channels = png_get_channels(png, info);
  decoded.info.height = static_cast<int>(height);
  decoded.info.width = static_cast<int>(width);
  decoded.info.channels = decoded.stored_channels >= 3 ? 3 : 1;
  if (want_pixels) {
    const size_t stride = png_get_rowbytes(png, info);
    // Deflate packs 1032 bytes into one at most: no memory for a header without pixels.
    if (stride * static_cast<size_t>(height) / 1040 > source.size)
      png_error(png, "the file ends too early");
    decoded.rows.resize(stride * height);
    decoded.pointers.resize(height);
    for (int64_t y = 0; y < height; ++y) decoded.pointers[y] = decoded.rows.data() + y * stride;
    png_read_image(png, decoded.pointers.data());
    png_read_end(png, nullptr);
  }
  return true;
}

Decoded read(const std::vector<uint8_t>& bytes, const std::string& path, PngPalette palette,
             bool want_pixels) {
  Source source{bytes.data(), bytes.size(), 0, {}};
  Decoded decoded;
  const Reader reader(source);
  if (!run_reader(reader.png, reader.info, source, palette, want_pixels, decoded)) {
    throw DataError(fmt::format("{}: broken PNG: {}", path, source.message));
  }
  return decoded;
}

bool run_writer(Source& source, std::vector<uint8_t>& bytes, const std::vector<png_bytep>& rows,
                const Picture& picture, int bits) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &source, fail, ignore_warning);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_set_write_fn(png, &bytes, push, nullptr);
  png_set_IHDR(png, info, picture.width, picture.height, bits,
               picture.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  if (bits == 16) png_set_swap(png);
  png_write_image(png, const_cast<png_bytepp>(rows.data()));
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return true;
}

}  // namespace

PictureInfo png_info(const std::vector<uint8_t>& bytes, const std::string& path) {
  return read(bytes, path, PngPalette::index, false).info;
}

Picture decode_png(const std::vector<uint8_t>& bytes, const std::string& path, PngPalette palette,
                   PictureInfo& info) {
  const Decoded decoded = read(bytes, path, palette, true);
  info = decoded.info;
  Picture picture(info.height, info.width, info.channels);
  const size_t pixels = static_cast<size_t>(info.height) * info.width;
  const int stored = decoded.stored_channels, kept = info.channels;
  for (size_t i = 0; i < pixels; ++i) {
    for (int c = 0; c < kept; ++c) {
      const size_t at = i * stored + c;
      uint16_t wide = 0;
      if (info.bits == 16) std::memcpy(&wide, decoded.rows.data() + 2 * at, 2);
      picture.pixels[i * kept + c] = info.bits == 16 ? wide : decoded.rows[at];
    }
  }
  return picture;
}

std::vector<uint8_t> encode_png(const Picture& values, int bits, const std::string& path) {
  if (values.empty() || (values.channels != 1 && values.channels != 3)) {
    throw DataError(fmt::format("{}: a PNG holds 1 or 3 channels, not {} x {} x {}", path,
                                values.height, values.width, values.channels));
  }
  const size_t row = static_cast<size_t>(values.width) * values.channels;
  std::vector<uint8_t> raw(row * values.height * (bits / 8)), bytes;
  const float most = bits == 16 ? 65535.0f : 255.0f;
  for (size_t i = 0; i < values.pixels.size(); ++i) {
    const float value = values.pixels[i];
    const auto number = static_cast<uint16_t>(value > 0 ? std::min(value, most) + 0.5f : 0.0f);
    if (bits == 16) {
      std::memcpy(raw.data() + 2 * i, &number, 2);
    } else {
      raw[i] = static_cast<uint8_t>(number);
    }
  }
  std::vector<png_bytep> rows(values.height);
  for (int y = 0; y < values.height; ++y) rows[y] = raw.data() + y * row * (bits / 8);
  Source source{};
  if (!run_writer(source, bytes, rows, values, bits)) {
    throw DataError(fmt::format("{}: cannot encode the PNG: {}", path, source.message));
  }
  return bytes;
}

}  // namespace weft
