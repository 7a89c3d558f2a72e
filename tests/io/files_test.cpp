// Files in and out: PNG, JPEG, npy, CSV, gzip. What is written reads back the same; whatever is
// broken or cut short is a DataError that names the file, and leaves nothing half written.
#include <turbojpeg.h>
#include <zlib.h>

#include <cmath>
#include <cstring>

#include "data/resize.h"
#include "io/csv.h"
#include "io/files.h"
#include "io/gzip.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

Picture ramp(int height, int width, int channels, float step) {
  Picture picture(height, width, channels);
  for (size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = i * step;
  return picture;
}

void write_jpeg(const std::string& path, const Picture& picture) {
  std::vector<uint8_t> raw;
  for (float value : picture.pixels) raw.push_back(static_cast<uint8_t>(value));
  tjhandle jpeg = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  tjCompress2(jpeg, raw.data(), picture.width, 0, picture.height, TJPF_RGB, &bytes, &size,
              TJSAMP_444, 95, 0);
  write_file(path, bytes, size);
  tjFree(bytes);
  tjDestroy(jpeg);
}

/// Every proper prefix of the file, in steps, must be refused by name.
void check_truncations(const std::string& path) {
  const std::vector<uint8_t> whole = read_file(path);
  const size_t step = std::max<size_t>(1, whole.size() / 23);
  for (size_t size = 0; size + 16 < whole.size(); size += step) {
    write_file(path, whole.data(), size);
    CAPTURE(size);
    CHECK_THAT(message_of<DataError>([&] { read_values(path); }), contains_text(path));
  }
  write_file(path, whole.data(), whole.size());
}

}  // namespace

TEST_CASE("picture_io: 8 and 16 bit PNG read back as written", "[data]") {
  TempFolder folder;
  const std::string path = folder.file("a.png");
  for (int channels : {1, 3}) {
    for (int bits : {8, 16}) {
      const Picture values = ramp(7, 11, channels, bits == 8 ? 1 : 283);
      write_values_png(path, values, bits);
      CHECK(read_values(path).pixels == values.pixels);
      const PictureInfo info = picture_info(path);
      CHECK((info.height == 7 && info.width == 11 && info.channels == channels));
      CHECK(info.bits == bits);
      const Picture image = read_image(path);
      CHECK(image.channels == 3);
      CHECK(image.pixels.back() ==
            Catch::Approx(values.pixels.back() / (bits == 8 ? 255.0f : 65535.0f)).epsilon(1e-6));
      check_truncations(path);
    }
  }
  CHECK(folder.entries() == 1);  // no temporary file is left
}

TEST_CASE("picture_io: a palette PNG is ids as a label and colours as an image", "[data]") {
  // 2 x 1 pixels, 2 palette entries, 1 bit: written by hand since weft writes no palettes.
  std::string png("\x89PNG\r\n\x1a\n");
  const auto chunk = [&](const std::string& type, const std::string& data) {
    const auto word = [&](uint32_t v) {
      for (int shift : {24, 16, 8, 0}) png += static_cast<char>(v >> shift);
    };
    word(static_cast<uint32_t>(data.size()));
    const std::string body = type + data;
    png += body;
    word(static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
  };
  chunk("IHDR", std::string("\0\0\0\2\0\0\0\1\1\3\0\0\0", 13));
  chunk("PLTE", std::string("\xff\0\0\0\0\xff", 6));
  const uint8_t row[2] = {0, 0x40};  // filter 0, pixels 0 and 1
  uint8_t packed[64];
  uLongf size = sizeof packed;
  compress(packed, &size, row, 2);
  chunk("IDAT", std::string(reinterpret_cast<char*>(packed), size));
  chunk("IEND", "");
  TempFolder folder;
  const std::string path = folder.file("palette.png");
  write_file(path, png);
  CHECK(picture_info(path).palette);
  CHECK(read_values(path).pixels == std::vector<float>{0, 1});
  CHECK(read_image(path).pixels == std::vector<float>{1, 0, 0, 0, 0, 1});
}

TEST_CASE("picture_io: JPEG", "[data]") {
  TempFolder folder;
  const std::string path = folder.file("a.jpg");
  Picture picture(16, 24, 3);
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 24; ++x) picture.at(y, x)[0] = 8 * y, picture.at(y, x)[2] = 10 * x;
  }
  write_jpeg(path, picture);
  const Picture back = read_values(path);
  REQUIRE(back.pixels.size() == picture.pixels.size());
  double sum = 0;
  for (size_t i = 0; i < back.pixels.size(); ++i) {
    sum += std::abs(back.pixels[i] - picture.pixels[i]);
  }
  CHECK(sum / back.pixels.size() < 3);
  CHECK(read_image(path).pixels[5] == back.pixels[5] / 255);
  check_truncations(path);
}

TEST_CASE("picture_io: npy of every dtype, both orders", "[data]") {
  TempFolder folder;
  const std::string path = folder.file("a.npy");
  Picture picture = ramp(3, 5, 2, 0.25f);
  picture.pixels[4] = invalid_pixel;
  write_npy(path, picture);
  const Picture back = read_values(path);
  CHECK((back.height == 3 && back.width == 5 && back.channels == 2));
  CHECK(std::memcmp(back.pixels.data(), picture.pixels.data(), 30 * sizeof(float)) == 0);
  check_truncations(path);

  const auto write = [&](const std::string& descr, const std::string& shape, bool fortran,
                         const void* data, size_t size) {
    std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr,
                                   fortran ? "True" : "False", shape);
    std::string bytes("\x93NUMPY\1\0", 8);
    bytes += static_cast<char>(dict.size());
    bytes += '\0';
    bytes += dict + std::string(static_cast<const char*>(data), size);
    write_file(path, bytes);
  };
  const auto check = [&](const char* descr, auto type) {
    const decltype(type) numbers[6] = {1, 2, 3, 4, 5, 6};
    write(descr, "(2, 3)", false, numbers, sizeof numbers);
    CHECK(read_values(path).pixels == std::vector<float>{1, 2, 3, 4, 5, 6});
    write(descr, "(2, 3)", true, numbers, sizeof numbers);
    CHECK(read_values(path).pixels == std::vector<float>{1, 3, 5, 2, 4, 6});
    write(descr, "(6,)", false, numbers, sizeof numbers);
    CHECK(read_values(path).channels == 6);
  };
  check("<f4", float{});
  check("<f8", double{});
  check("<i4", int32_t{});
  check("<i8", int64_t{});
  check("|u1", uint8_t{});
  check("<u2", uint16_t{});
  const float one = 1;
  write("<c8", "(1, 1)", false, &one, 4);
  CHECK_THAT(message_of<DataError>([&] { read_values(path); }), contains_text("dtype 'c8'"));
  write("<f4", "(2, 3)", false, &one, 4);
  CHECK_THAT(message_of<DataError>([&] { read_values(path); }), contains_text(path));
  write("<f4", "(99999999999999, 3)", false, &one, 4);
  CHECK_THAT(message_of<DataError>([&] { read_values(path); }), contains_text(path));
}

TEST_CASE("picture_io: what is missing, a folder or something else", "[data]") {
  TempFolder folder;
  const std::string path = folder.file("none.png");
  CHECK_THAT(message_of<DataError>([&] { read_image(path); }),
             contains_text(path + ": cannot open"));
  CHECK_THAT(message_of<DataError>([&] { read_image(folder.path()); }),
             contains_text("is a folder"));
  write_file(path, "just text");
  CHECK_THAT(message_of<DataError>([&] { read_image(path); }),
             contains_text("no PNG, JPEG or npy"));
  const std::string nowhere = folder.file("no/such/folder/x.png");
  CHECK_THAT(message_of<DataError>([&] { write_png(nowhere, Picture(1, 1, 3)); }),
             contains_text(nowhere));
  CHECK_THAT(message_of<DataError>([&] { write_png(path, Picture(1, 1, 2)); }),
             contains_text("1 or 3 channels"));
}

TEST_CASE("files: gzip, whole and cut short", "[data]") {
  TempFolder folder;
  const std::string path = folder.file("a.gz"), text(100000, 'w');
  gzFile out = gzopen(path.c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  CHECK(read_gzip(path).size() == text.size());
  std::vector<uint8_t> bytes = read_file(path);
  write_file(path, bytes.data(), bytes.size() / 2);
  CHECK_THAT(message_of<DataError>([&] { read_gzip(path); }), contains_text(path));
}

TEST_CASE("csv: quotes, line ends, blank lines, positions", "[data]") {
  const Csv csv = parse_csv(
      "\xEF\xBB\xBF"
      "a,b,c\r\n1,\"x, \"\"y\"\"\nz\",\r\n\r\n\"\",2,3",
      "t.csv");
  CHECK(csv.header == std::vector<std::string>{"a", "b", "c"});
  REQUIRE(csv.rows.size() == 2);
  CHECK(csv.rows[0] == std::vector<std::string>{"1", "x, \"y\"\nz", ""});
  CHECK(csv.rows[1] == std::vector<std::string>{"", "2", "3"});
  CHECK(csv.lines == std::vector<int>{2, 5});
  CHECK(csv.column("c") == 2);
  CHECK_THAT(message_of<DataError>([&] { csv.column("d"); }), contains_text("a, b, c"));
  CHECK_THAT(message_of<DataError>([] { parse_csv("a,b\n1\n", "t.csv"); }),
             contains_text("t.csv:2"));
  CHECK_THAT(message_of<DataError>([] { parse_csv("a\n\"1\n", "t.csv"); }),
             contains_text("t.csv:2"));
  CHECK_THAT(message_of<DataError>([] { parse_csv("", "t.csv"); }), contains_text("is empty"));
  // A file without a line of names, and lines that are comments.
  const Csv plain = parse_csv("|c,1,2\n1,2\n|last", "t.csv", {{"a", "b"}, "|"});
  CHECK(plain.header == std::vector<std::string>{"a", "b"});
  REQUIRE(plain.rows.size() == 1);
  CHECK(plain.lines[0] == 2);
}

TEST_CASE("resize: bilinear, nearest, crop, mirror", "[data]") {
  Picture row(1, 4, 1);
  row.pixels = {0, 1, 2, 3};
  // A third of 4 pixels has its middle at 0.67, 2 and 3.33 of them; its left edge at 0, 1.33, 2.67.
  CHECK(resize_nearest(row, 1, 3).pixels == std::vector<float>{0, 2, 3});
  CHECK(resize_nearest(row, 1, 3, /*floor=*/true).pixels == std::vector<float>{0, 1, 2});
  CHECK(resize_nearest(row, 1, 2).pixels == std::vector<float>{1, 3});
  CHECK(resize_nearest(row, 2, 8).pixels[9] == 0);
  // align_corners = false: centres at 0.25, 0.75, ... and the border repeated.
  const std::vector<float> up = resize_bilinear(row, 1, 8).pixels;
  CHECK(up[0] == 0);
  CHECK(up[1] == Catch::Approx(0.25));
  CHECK(up[6] == Catch::Approx(2.75));
  const Picture flat = resize_bilinear(Picture(17, 23, 2, 0.5f), 5, 7);
  for (float value : flat.pixels) CHECK(value == Catch::Approx(0.5));
  const Picture cut = crop(row, -1, 2, 2, 3, -9);
  CHECK(cut.pixels == std::vector<float>{-9, -9, -9, 2, 3, -9});
  CHECK(mirror(row).pixels == std::vector<float>{3, 2, 1, 0});
}
