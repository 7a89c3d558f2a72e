// idx files of images and of labels, plain and packed by gzip.
#include "io/idx.h"

#include "tests/fuzz/targets/target.h"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile file;
  static const std::string path = file.path();
  const auto check = [](const Idx& idx) {
    int64_t numbers = 1;
    for (int64_t extent : idx.extents) numbers *= extent;
    fuzz::require(static_cast<int64_t>(idx.bytes.size()) == numbers, "as many as the header says");
  };
  for (int rank : {1, 3})
    if (size > 1 && data[0] == 0x1f && data[1] == 0x8b) {
      file.hold(data, size);
      fuzz::reads([&] { check(read_idx(path, rank)); }, path);
    } else {
      fuzz::reads([&] { check(parse_idx({data, data + size}, "x", rank)); });
    }
  return 0;
}
