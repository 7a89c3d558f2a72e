// Pictures are what they are: scale by the type of the numbers, layouts, EXIF's orientation, kinds
// of JPEG, PNG and npy that are read or refused by their names, and sizes that a header merely
// claims.
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>

#include "engine/error.h"
#include "io/exif.h"
#include "io/files.h"
#include "io/gzip.h"
#include "io/idx.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/picture_bytes.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

std::string refused(const Bytes& bytes, const PictureFormat& format = {}) {
  return message_of<DataError>([&] { decode_image(bytes, "x", format); });
}

}  // namespace

TEST_CASE("pictures: npy is scaled by its type, never by its own maximum", "[picture]") {
  const auto first = [](const Bytes& bytes, const PictureFormat& format = {}) {
    return decode_image(bytes, "x", format).pixels[0];
  };
  CHECK(first(npy<uint8_t>("|u1", "(1, 2)", {1, 0})) == 1 / 255.0f);
  CHECK(first(npy<uint16_t>("<u2", "(1, 2)", {255, 0})) == Catch::Approx(255 / 65535.0));
  CHECK(first(npy<uint16_t>(">u2", "(1, 2)", {65535, 0})) == 1);
  CHECK(first(npy<uint8_t>("|b1", "(1, 2)", {1, 0})) == 1);
  CHECK(first(npy<float>("<f4", "(1, 2)", {0.5f, 1})) == 0.5f);
  CHECK(first(npy<float>("<f4", "(1, 2)", {51, 0}), {false, 255}) == Catch::Approx(0.2));
  CHECK(first(npy<uint16_t>("<f2", "(1, 2)", {0x3800, 0})) == 0.5f);
  CHECK_THAT(refused(npy<float>("<f4", "(1, 2)", {51, 0})),
             contains_text("x: holds 51 in row 0, column 0") && contains_text("data.float_max"));
  CHECK_THAT(refused(npy<float>("<f4", "(1, 2)", {0, -0.5f})), contains_text("row 0, column 1"));
  CHECK_THAT(refused(npy<int64_t>("<i8", "(1, 2)", {255, 0})), contains_text("npy of 'i8'"));
}

TEST_CASE("pictures: a pixel that is not finite is named with its file and place", "[picture]") {
  const float nan = std::nanf(""), infinite = std::numeric_limits<float>::infinity();
  CHECK_THAT(refused(npy<float>("<f4", "(2, 2, 3)", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, nan, 0})),
             contains_text("x: holds nan in row 1, column 1"));
  CHECK_THAT(refused(npy<float>("<f4", "(2, 2)", {0, infinite, 0, 0})),
             contains_text("x: holds inf in row 0, column 1"));
  CHECK_THAT(refused(npy<double>("<f8", "(1, 2)", {0, 1e300}), {false, 255}),
             contains_text("holds inf"));
  CHECK_THAT(refused(npy<uint16_t>("<f2", "(1, 1)", {0x7e00})), contains_text("holds nan"));
}

TEST_CASE("pictures: layouts of npy", "[picture]") {
  std::vector<uint8_t> numbers(60);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<uint8_t>(i);
  const Bytes chw = npy("|u1", "(3, 4, 5)", numbers), hwc = npy("|u1", "(4, 5, 3)", numbers);
  CHECK_THAT(refused(chw), contains_text("x: npy of shape (3, 4, 5)") &&
                               contains_text("set data.layout = \"chw\""));
  const PictureFormat first{true, 1};
  const Picture turned = decode_image(chw, "x", first);
  CHECK((turned.height == 4 && turned.width == 5 && turned.channels == 3));
  CHECK(turned.at(2, 3)[1] == Catch::Approx((20 + 2 * 5 + 3) / 255.0));
  CHECK(picture_info(chw, "x", first).width == 5);
  CHECK_THAT(refused(npy("|u1", "(5, 4, 3)", numbers), first),
             contains_text("(C, H, W) with 1, 3 or 4 channels"));
  CHECK(decode_image(hwc, "x").at(2, 3)[1] == Catch::Approx((2 * 15 + 3 * 3 + 1) / 255.0));
  CHECK(decode_image(npy("|u1", "(5, 3, 4)", numbers), "x").at(1, 1)[2] ==
        Catch::Approx(18 / 255.0));  // alpha is dropped
  CHECK_THAT(refused(npy("|u1", "(5, 6, 2)", numbers)), contains_text("shape (5, 6, 2)"));
  CHECK_THAT(refused(npy("|u1", "(60,)", numbers)), contains_text("shape (60)"));
  CHECK_THAT(refused(npy("|u1", "(1, 4, 5, 3)", numbers)), contains_text("shape (1, 4, 5, 3)"));
  // Both orders of memory mean the same array.
  const Picture columns = decode_values(npy("|u1", "(3, 4, 5)", numbers, true), "x", first);
  CHECK(columns.at(2, 3)[1] == 1 + 3 * 2 + 12 * 3);
  const Picture label = decode_values(npy<int16_t>(">i2", "(2, 3)", {1, -2, 3, 4, 5, 6}), "x");
  CHECK(label.pixels == std::vector<float>{1, -2, 3, 4, 5, 6});
  CHECK(decode_values(npy<double>(">f8", "(1, 2)", {-1.5, 2}), "x").pixels[0] == -1.5f);
  CHECK(decode_values(npy<uint16_t>(">f2", "(1, 4)", {0xc000, 1, 0x3555, 0x7bff}), "x").pixels ==
        std::vector<float>{-2, std::ldexp(1.0f, -24), 0.333251953125f, 65504});
}

TEST_CASE("pictures: npy that is not read is called what it is", "[picture]") {
  CHECK_THAT(refused(npy<double>("<c16", "(1, 1)", {1, 0})), contains_text("dtype 'c16'"));
  CHECK_THAT(refused(npy<uint8_t>("|O", "(1, 1)", {1})), contains_text("npy"));
  Bytes records = npy<uint8_t>("|u1", "(1, 1)", {1});
  const std::string text(records.begin(), records.end());
  CHECK_THAT(refused(bytes_of(std::string(text).replace(text.find("'|u1'"), 5, "[('a'"))),
             contains_text("npy of records"));
  CHECK_THAT(refused(npy<uint8_t>("|u1", "(-1, 1)", {1})), contains_text("unreadable 'shape'"));
  CHECK_THAT(refused(npy<uint8_t>("|u1", "(0, 1)", {})), contains_text("none of them 0"));
  CHECK_THAT(refused(npy<uint8_t>("|u1", "(30000, 30000)", {1})), contains_text("2^28 numbers"));
  CHECK_THAT(refused(npy<uint8_t>("|u1", "(16000, 16000)", {1})),
             contains_text("1 bytes of numbers where the shape needs 256000000"));
  Bytes newer = npy<uint8_t>("|u1", "(1, 1)", {1});
  newer[6] = 9;
  CHECK_THAT(refused(newer), contains_text("npy of version 9"));
  for (const auto& [magic, kind] :
       std::vector<std::pair<std::string, std::string>>{{"GIF89a", "GIF"},
                                                        {std::string("II*\0", 4), "TIFF"},
                                                        {"RIFF....WEBPVP8 ", "WebP"},
                                                        {std::string("\0\0\0\x18"
                                                                     "ftypheic",
                                                                     12),
                                                         "HEIC"}})
    CHECK_THAT(refused(bytes_of(magic)), contains_text("is a " + kind));
}

TEST_CASE("pictures: PNG of 1 to 16 bits, palette, alpha, interlaced", "[picture]") {
  const auto red = [](const Bytes& bytes) { return decode_image(bytes, "x").pixels; };
  const Bytes bit = png(4, 1, 1, PNG_COLOR_TYPE_GRAY, {{0xA0}});
  CHECK(red(bit) == std::vector<float>{1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0});
  CHECK(decode_values(bit, "x").pixels == std::vector<float>{1, 0, 1, 0});
  const Bytes two = png(4, 1, 2, PNG_COLOR_TYPE_GRAY, {{0x1B}});
  CHECK(decode_values(two, "x").pixels == std::vector<float>{0, 1, 2, 3});
  CHECK(red(two)[3] == Catch::Approx(1 / 3.0));
  const Bytes four = png(2, 1, 4, PNG_COLOR_TYPE_GRAY, {{0x5F}});
  CHECK(decode_values(four, "x").pixels == std::vector<float>{5, 15});
  const Bytes palette = png(4, 1, 2, PNG_COLOR_TYPE_PALETTE, {{0x1B}});
  CHECK(decode_values(palette, "x").pixels == std::vector<float>{0, 1, 2, 3});
  CHECK((red(palette)[3] == 1 && red(palette)[4] == 0 && red(palette)[7] == 1));
  const Bytes wide = png(1, 1, 16, PNG_COLOR_TYPE_RGB, {{0x80, 0, 0xFF, 0xFF, 0, 1}});
  CHECK(red(wide)[0] == Catch::Approx(32768 / 65535.0));
  CHECK((red(wide)[1] == 1 && picture_info(wide, "x").bits == 16));
  const Bytes alpha = png(1, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, {{51, 102, 153, 0}});
  CHECK((red(alpha)[0] == Catch::Approx(0.2) && red(alpha)[2] == Catch::Approx(0.6)));
  CHECK(red(png(1, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA, {{51, 7}}))[2] == Catch::Approx(0.2));
  std::vector<Bytes> rows(9, Bytes(11));
  for (size_t i = 0; i < 99; ++i) rows[i / 11][i % 11] = static_cast<uint8_t>(2 * i);
  const Picture straight = decode_values(png(11, 9, 8, PNG_COLOR_TYPE_GRAY, rows), "x");
  CHECK(straight.pixels[50] == 100);
  CHECK(decode_values(png(11, 9, 8, PNG_COLOR_TYPE_GRAY, rows, true), "x").pixels ==
        straight.pixels);
}

TEST_CASE("pictures: EXIF's eight orientations are applied to photographs", "[picture]") {
  const Bytes upright_rows = {1, 2, 3, 4, 5, 6};  // 2 x 3, as it is to be seen
  const std::vector<std::vector<Bytes>> stored = {
      {{1, 2, 3}, {4, 5, 6}},   {{3, 2, 1}, {6, 5, 4}},   {{6, 5, 4}, {3, 2, 1}},
      {{4, 5, 6}, {1, 2, 3}},   {{1, 4}, {2, 5}, {3, 6}}, {{3, 6}, {2, 5}, {1, 4}},
      {{6, 3}, {5, 2}, {4, 1}}, {{4, 1}, {5, 2}, {6, 3}}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const std::vector<Bytes>& rows = stored[static_cast<size_t>(orientation) - 1];
    const Bytes file = with_exif(png(static_cast<int>(rows[0].size()),
                                     static_cast<int>(rows.size()), 8, PNG_COLOR_TYPE_GRAY, rows),
                                 tiff_of(orientation, orientation % 2 == 0));
    const PictureInfo info = picture_info(file, "x");
    CHECK((info.height == 2 && info.width == 3 && info.orientation == orientation));
    const Picture seen = decode_image(file, "x");
    REQUIRE((seen.height == 2 && seen.width == 3));
    for (size_t i = 0; i < 6; ++i)
      CHECK(seen.pixels[3 * i] == Catch::Approx(upright_rows[i] / 255.0));
    // A JPEG of two halves: where is the dark one?
    const Bytes photo = with_app1(half_dark_jpeg(false), tiff_of(orientation, false));
    const Picture shown = decode_image(photo, "x");
    const bool turned = orientation >= 5;
    REQUIRE((shown.width == (turned ? 8 : 16) && picture_info(photo, "x").width == shown.width));
    const bool dark_first = shown.at(0, 0)[0] < 0.5f;
    CHECK(dark_first == (orientation == 1 || (orientation >= 4 && orientation <= 6)));
  }
  CHECK(tiff_orientation("") == 1);
  CHECK(tiff_orientation(tiff_of(0, false)) == 1);
  CHECK(tiff_orientation(tiff_of(9, true)) == 1);
  const std::string whole = tiff_of(6, true);
  CHECK(tiff_orientation(whole) == 6);
  for (size_t size = 0; size < whole.size() - 6; ++size)
    tiff_orientation(std::string_view(whole).substr(0, size));  // reads nothing behind its end
  CHECK(tiff_orientation(std::string("MM\0*\xff\xff\xff\xff", 8)) == 1);
}

TEST_CASE("pictures: JPEGs that are not read are called what they are", "[picture]") {
  const Bytes cmyk = jpeg(8, 8, TJPF_CMYK, TJSAMP_444, Bytes(256, 100));
  CHECK_THAT(refused(cmyk), contains_text("x: is a CMYK JPEG"));
  const Bytes gray = half_dark_jpeg(false);
  const size_t frame = frame_of(gray);
  REQUIRE(frame > 0);
  Bytes other = gray;
  other[frame + 4] = 12;
  CHECK_THAT(refused(other), contains_text("is a JPEG of 12 bits"));
  other = gray;
  other[frame + 1] = 0xC3;
  CHECK_THAT(refused(other), contains_text("is a lossless JPEG"));
  other = gray;  // 20000 x 20000
  other[frame + 5] = other[frame + 7] = 0x4E;
  other[frame + 6] = other[frame + 8] = 0x20;
  CHECK_THAT(refused(other), contains_text("x: is 20000 x 20000: more than 2^27 pixels"));
  CHECK_THAT(message_of<DataError>([&] { picture_info(other, "x"); }), contains_text("2^27"));
  other[frame + 5] = other[frame + 7] = 0x27;  // 10000 x 10000 by some hundred bytes
  CHECK_THAT(refused(other), contains_text("cannot hold"));
  // Tables and no frame; markers and no tables; the end at once: libjpeg takes them for 0 x 0.
  Bytes tables(gray.begin(), gray.begin() + static_cast<int64_t>(frame));
  tables.insert(tables.end(), {0xFF, 0xD9});
  for (const Bytes& none :
       {tables, Bytes{0xFF, 0xD8, 0xFF, 0xFF, 1, 0xFF, 0xD9}, Bytes{0xFF, 0xD8, 0xFF, 0xD9}}) {
    CHECK_THAT(message_of<DataError>([&] { picture_info(none, "x"); }),
               contains_text("x: broken JPEG: "));
    CHECK_THAT(refused(none), contains_text("x: broken JPEG: "));
  }
  CHECK(decode_image(gray, "x").channels == 3);
}

TEST_CASE("pictures: a PNG that claims much and holds little takes no memory", "[picture]") {
  Bytes claims = png(4, 1, 8, PNG_COLOR_TYPE_GRAY, {{1, 2, 3, 4}});
  const auto claim = [&](uint32_t width, uint32_t height) {
    for (int i = 0; i < 4; ++i) {
      claims[16 + i] = static_cast<uint8_t>(width >> (24 - 8 * i));
      claims[20 + i] = static_cast<uint8_t>(height >> (24 - 8 * i));
    }
    const auto crc = static_cast<uint32_t>(crc32(0, claims.data() + 12, 17));
    for (int i = 0; i < 4; ++i) claims[29 + i] = static_cast<uint8_t>(crc >> (24 - 8 * i));
  };
  claim(20000, 20000);
  CHECK_THAT(refused(claims), contains_text("more than 2^27 pixels"));
  claim(11000, 11000);
  CHECK_THAT(refused(claims), contains_text("ends too early"));
  claim(4, 1);
  CHECK(decode_values(claims, "x").pixels[3] == 4);
}

TEST_CASE("files: only regular files are read, and nothing waits", "[picture]") {
  const TempFolder folder;
  const std::string pipe = folder.file("pipe.png");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THAT(message_of<DataError>([&] { read_image(pipe); }), contains_text("is a pipe"));
  CHECK_THAT(message_of<DataError>([] { read_image("/dev/zero"); }), contains_text("is a device"));
  CHECK_THAT(message_of<DataError>([] { read_gzip("/dev/zero"); }), contains_text("is a device"));
  CHECK_THAT(message_of<DataError>([&] { read_idx(folder.path(), 3); }),
             contains_text("is a folder"));
  write_file(folder.file("a"), "abc");
  REQUIRE(::symlink(folder.file("a").c_str(), folder.file("b").c_str()) == 0);
  CHECK(read_file(folder.file("b")).size() == 3);
}
