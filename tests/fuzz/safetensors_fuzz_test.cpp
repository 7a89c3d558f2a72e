// Hostile safetensors files: cut off at every byte, and with mutated lengths, headers and elements.
// Each is read whole or refused by a DataError that names the file; nothing is read out of bounds
// (the sanitizer build of ./weft test --all watches).
#include <fstream>
#include <iterator>

#include "engine/error.h"
#include "io/safetensors.h"
#include "tests/fuzz/mutate.h"
#include "tests/support/catch.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"

using namespace weft;

namespace {

std::string seed_bytes(const std::string& path) {
  write_safetensors(path,
                    {{"weight", Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6})},
                     {"count", Tensor::from({}, {3}, DType::i32), true},
                     {"mask", Tensor::from({5}, {0, 1, 0, 1, 255}, DType::u8)}},
                    {{"format_version", "1"}});
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool reads(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  try {
    const SafetensorsFile file(path);
    for (const std::string& name : file.names()) file.load(name, DType::f64);
  } catch (const DataError& error) {
    CHECK(std::string(error.what()).rfind(path + ": ", 0) == 0);
    return false;
  }
  return true;
}

}  // namespace

TEST_CASE("fuzz: safetensors cut off at every byte", "[fuzz]") {
  const test::TempFolder folder;
  const std::string path = folder.file("fuzz.safetensors");
  const std::string bytes = seed_bytes(path);
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(reads(path, bytes.substr(0, size)));
  CHECK(reads(path, bytes));
}

TEST_CASE("fuzz: mutated safetensors", "[fuzz]") {
  const test::TempFolder folder;
  const std::string path = folder.file("fuzz.safetensors");
  const std::string bytes = seed_bytes(path);
  int read = 0;
  for (uint32_t step = 0; step < test::cases<uint32_t>(3000, 300); ++step) {
    INFO("step " << step);
    read += reads(path, test::mutate(bytes, 3, step));
  }
  CHECK(read > test::cases(20, 2));
  // With the header's length mended, mutations reach the header's fields.
  const size_t header =
      static_cast<unsigned char>(bytes[0]) + 256u * static_cast<unsigned char>(bytes[1]);
  for (uint32_t step = 0; step < test::cases<uint32_t>(3000, 300); ++step) {
    INFO("header step " << step);
    const std::string text = test::mutate(bytes.substr(8, header), 4, step);
    const uint64_t length = text.size();
    reads(path,
          std::string(reinterpret_cast<const char*>(&length), 8) + text + bytes.substr(8 + header));
  }
}
