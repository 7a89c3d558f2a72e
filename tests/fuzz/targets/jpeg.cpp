// JPEG, with EXIF.
#include "tests/fuzz/targets/picture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::read_picture({data, data + size});
  return 0;
}
