// safetensors: header, metadata, check sums and elements, which load as every type or are refused.
// The header's length is made right again after a mutation (but for one in eight).
#include "io/safetensors.h"

#include <cstring>

#include "tests/fuzz/targets/target.h"

using namespace weft;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  const size_t end = fuzz::text_of(data, size).find_last_of("} ");
  if (seed % 8 == 0 || end == std::string_view::npos || end < 8) return size;
  const uint64_t length = end + 1 - 8;
  std::memcpy(data, &length, sizeof length);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile memory;
  static const std::string path = memory.path();
  memory.hold(data, size);
  fuzz::reads(
      [&] {
        const SafetensorsFile file(path);
        for (const std::string& name : file.names())
          for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::u8})
            fuzz::reads(
                [&] {
                  const Tensor tensor = file.load(name, dtype);
                  fuzz::require(tensor.shape() == file.shape(name), "a tensor of its shape");
                },
                path);
        file.verify();
      },
      path);
  return 0;
}
