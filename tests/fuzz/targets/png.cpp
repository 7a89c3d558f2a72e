// PNG. Its chunks have check sums, which are made right again after a mutation (but for one in
// sixteen), so that what is inside of them is met.
#include "tests/fuzz/mend_png.h"
#include "tests/fuzz/targets/picture.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (seed % 16 != 0) weft::test::mend_png(data, size);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::read_picture({data, data + size});
  return 0;
}
