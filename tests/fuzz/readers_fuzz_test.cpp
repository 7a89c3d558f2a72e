// Hostile data files: CSV, npy, PNG (with its check sums made right again), JPEG with EXIF, and
// idx, mutated. Each is read whole or refused by a DataError that names the file; no picture is
// larger than its bytes allow (the sanitizer build of ./weft test --all watches the rest).
#include <functional>

#include "engine/error.h"
#include "io/csv.h"
#include "io/idx.h"
#include "io/picture_io.h"
#include "tests/fuzz/mend_png.h"
#include "tests/fuzz/mutate.h"
#include "tests/support/catch.h"
#include "tests/support/picture_bytes.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr uint32_t rounds = 3000;

using Reader = std::function<void(const Bytes&)>;

/// How many of the mutated files are read whole.
int read_whole(const Bytes& file, uint64_t seed, const Reader& read,
               const std::function<void(Bytes&)>& mend = {}) {
  int whole = 0;
  for (uint32_t round = 0; round < rounds; ++round) {
    Bytes bytes = bytes_of(mutate(std::string(file.begin(), file.end()), seed, round));
    if (mend) mend(bytes);
    try {
      read(bytes);
      ++whole;
    } catch (const DataError& error) {
      CAPTURE(seed, round);
      CHECK(std::string(error.what()).rfind("x:", 0) == 0);
    }
  }
  return whole;
}

void read_picture(const Bytes& bytes) {
  const PictureInfo info = picture_info(bytes, "x");
  const Picture values = decode_values(bytes, "x");
  CHECK(values.pixels.size() ==
        static_cast<size_t>(values.height) * values.width * values.channels);
  const Picture image = decode_image(bytes, "x");
  CHECK((image.height == info.height && image.width == info.width && image.channels == 3));
}

}  // namespace

TEST_CASE("fuzz: mutated CSV", "[fuzz]") {
  const std::string text =
      "\xEF\xBB\xBF"
      "image,\"a, b\",split\r\n1.png,\"2,\"\"5\"\"\n\",train\n,-1e3,val\r3.png;4\t,5,test\n";
  int whole = 0;
  for (const CsvFormat& format :
       {CsvFormat{}, CsvFormat{{"a", "b", "c"}, "#", ""}, CsvFormat{{}, "", "tab"}}) {
    whole += read_whole(bytes_of(text), 1, [&](const Bytes& bytes) {
      const Csv csv =
          parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "x", format);
      for (const auto& row : csv.rows) CHECK(row.size() == csv.header.size());
      CHECK(csv.rows.size() == csv.lines.size());
    });
  }
  CHECK(whole > 100);
}

TEST_CASE("fuzz: mutated npy", "[fuzz]") {
  const std::vector<float> numbers(24, 0.5f);
  CHECK(read_whole(npy("<f4", "(2, 4, 3)", numbers), 2, read_picture) > 100);
  CHECK(read_whole(npy(">u2", "(4, 3)", std::vector<uint16_t>(12, 9), true), 3, read_picture) >
        100);
}

TEST_CASE("fuzz: mutated PNG", "[fuzz]") {
  std::vector<Bytes> rows(5, Bytes(21, 77));
  const auto mend = [](Bytes& bytes) { mend_png(bytes.data(), bytes.size()); };
  const Bytes colour = with_exif(png(7, 5, 8, PNG_COLOR_TYPE_RGB, rows, true), tiff_of(6, true));
  CHECK(read_whole(colour, 4, read_picture, mend) > 10);
  const Bytes palette = png(4, 1, 2, PNG_COLOR_TYPE_PALETTE, {{0x1B}});
  CHECK(read_whole(palette, 5, read_picture, mend) > 10);
}

TEST_CASE("fuzz: mutated JPEG", "[fuzz]") {
  CHECK(read_whole(with_app1(half_dark_jpeg(true), tiff_of(8, false)), 6, read_picture) > 10);
  const Bytes colour = jpeg(16, 16, TJPF_RGB, TJSAMP_420, Bytes(768, 90));
  CHECK(read_whole(colour, 7, read_picture) > 10);
}

TEST_CASE("fuzz: mutated idx", "[fuzz]") {
  Bytes images{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2};
  images.resize(images.size() + 12, 5);
  CHECK(read_whole(images, 8, [](const Bytes& bytes) {
          const Idx idx = parse_idx(bytes, "x", 3);
          CHECK(idx.bytes.size() ==
                static_cast<size_t>(idx.extents[0] * idx.extents[1] * idx.extents[2]));
        }) > 10);
}
