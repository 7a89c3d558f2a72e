// .npy, channels last and channels first.
#include "tests/fuzz/targets/picture.h"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> bytes(data, data + size);
  fuzz::read_picture(bytes);
  fuzz::read_picture(bytes, {true, 255});
  return 0;
}
