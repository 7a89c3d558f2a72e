// AVX-512: 32 registers of 16 floats, of which a tile takes 28.
#include "runner/kernels_text.h"

namespace weft::runner {

const Kernels avx512_kernels = kernels_of<16, 14>("avx512");

}  // namespace weft::runner
