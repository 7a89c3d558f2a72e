// idx files and Multi-MNIST: broken files are refused; every image sits once in each place; the
// pixels are the maximum of both. The real sets are used where WEFT_DATA names them.
#include <cmath>
#include <cstdlib>
#include <set>

#include "data/sets/multi_mnist.h"
#include "data/split.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

std::string big_endian(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

/// Images whose pixels are all base + i, labels i % 10.
void write_set(const std::string& folder, const std::string& name, int count, int base) {
  std::string images("\0\0\x08\x03", 4), labels("\0\0\x08\x01", 4);
  images += big_endian(count) + big_endian(28) + big_endian(28);
  labels += big_endian(count);
  for (int i = 0; i < count; ++i) {
    images += std::string(28 * 28, static_cast<char>(base + i));
    labels += static_cast<char>(i % 10);
  }
  write_file(folder + "/" + name + "-images-idx3-ubyte", images);
  write_file(folder + "/" + name + "-labels-idx1-ubyte", labels);
}

std::vector<TaskSpec> left_and_right() {
  TaskSpec left, right;
  left.name = left.column = "left";
  left.kind = TaskKind::classification;
  left.classes = 10;
  right = left;
  right.name = "garment";
  right.column = "right";
  return {left, right};
}

}  // namespace

TEST_CASE("multi-mnist: pairs, pixels and labels", "[data]") {
  TempFolder digits, garments;
  for (const auto& [name, count] : {std::pair{"train", 40}, std::pair{"t10k", 12}}) {
    write_set(digits.path(), name, count, 1);
    write_set(garments.path(), name, count, 101);
  }
  const MultiMnist set(digits.path(), garments.path(), left_and_right(), 3);
  REQUIRE(set.size() == 52);
  CHECK((set.split(39) != Split::test && set.split(40) == Split::test));
  std::set<float> lefts, rights;
  bool moved = false;
  for (int64_t i = 0; i < 40; ++i) {
    const Sample sample = set.load(i);
    REQUIRE((sample.image.height == 36 && sample.image.channels == 1));
    const float left = sample.image.at(0, 0)[0] * 255 - 1;
    const float right = sample.image.at(35, 35)[0] * 255 - 101;
    CHECK(sample.image.at(20, 20)[0] == sample.image.at(35, 35)[0]);  // the larger of the two
    CHECK(sample.image.at(0, 35)[0] == 0);
    CHECK(sample.labels[0].pixels[0] == static_cast<int>(left + 0.5f) % 10);
    CHECK(sample.labels[1].pixels[0] == static_cast<int>(right + 0.5f) % 10);
    CHECK(left == Catch::Approx(static_cast<float>(i)).margin(1e-3));
    lefts.insert(left);
    rights.insert(right);
    moved |= std::abs(left - right) > 0.5f;
  }
  CHECK((lefts.size() == 40 && rights.size() == 40 && moved));
  const MultiMnist again(digits.path(), garments.path(), left_and_right(), 3);
  const MultiMnist other(digits.path(), garments.path(), left_and_right(), 4);
  bool same = true, differs = false;
  for (int64_t i = 0; i < 40; ++i) {
    same &= again.load(i).image.pixels == set.load(i).image.pixels;
    differs |= other.load(i).image.pixels != set.load(i).image.pixels;
  }
  CHECK((same && differs));
  const Parts parts = make_parts(set);
  CHECK((parts.val.size() == 4 && parts.train.size() == 36 && parts.test.size() == 12));
}

TEST_CASE("multi-mnist: a validation digit is in no picture that is trained on", "[data]") {
  for (const int count : {5, 40, 120}) {
    TempFolder folder;  // one set at both places: a digit is in two pictures
    write_set(folder.path(), "train", count, 1);
    write_set(folder.path(), "t10k", 12, 1);
    for (uint64_t seed : {1, 2, 3}) {
      const MultiMnist set(folder.path(), folder.path(), left_and_right(), seed);
      const Parts parts = make_parts(set);
      const auto digits = [&](const std::vector<int64_t>& part) {
        std::set<int> seen;
        for (int64_t i : part) {
          const Sample sample = set.load(i);
          for (int at : {0, 35})
            seen.insert(static_cast<int>(std::lround(sample.image.at(at, at)[0] * 255)));
        }
        return seen;
      };
      const std::set<int> trained = digits(parts.train), validated = digits(parts.val);
      CHECK(!validated.empty());
      CHECK(trained.size() + validated.size() == static_cast<size_t>(count));  // so none is in both
      CHECK(parts.val.size() == validated.size());  // at the left as at the right
    }
  }
}

TEST_CASE("multi-mnist: what does not fit is refused", "[data]") {
  TempFolder folder;
  write_set(folder.path(), "train", 5, 1);
  std::vector<TaskSpec> tasks = left_and_right();
  const auto open = [&] { MultiMnist(folder.path(), folder.path(), tasks, 1); };
  CHECK_THAT(message_of<DataError>(open), contains_text("t10k-images-idx3-ubyte.gz: cannot open"));
  write_set(folder.path(), "t10k", 5, 1);
  CHECK(message_of<DataError>(open).empty());
  tasks[0].column = "top";
  CHECK_THAT(message_of<ConfigError>(open), contains_text("not 'top'"));
  tasks[0].column = "left";
  const std::string labels = folder.file("train-labels-idx1-ubyte");
  write_file(labels, std::string("\0\0\x08\x01", 4) + big_endian(9) + "123");
  CHECK_THAT(message_of<DataError>(open), contains_text(labels));
  write_file(labels, std::string("\0\0\x08\x01", 4) + big_endian(3) + "123");
  CHECK_THAT(message_of<DataError>(open), contains_text("5 images of 28 x 28 with 3 labels"));
  write_file(labels, "no idx");
  CHECK_THAT(message_of<DataError>(open), contains_text("is no idx file"));
}

TEST_CASE("multi-mnist: the real Fashion+MNIST", "[data][real]") {
  const char* root = std::getenv("WEFT_DATA");
  if (!root) WEFT_SKIP("WEFT_DATA not set");
  const MultiMnist set(join_path(root, "mnist"), join_path(root, "fashion_mnist"), left_and_right(),
                       1);
  CHECK(set.size() == 70000);
  CHECK(set.load(0).labels[0].pixels[0] == 5);  // the first training digit of MNIST
  CHECK(set.load(60000).labels[0].pixels[0] == 7);
  const Parts parts = make_parts(set);
  CHECK((parts.val.size() == 6000 && parts.test.size() == 10000));
}
