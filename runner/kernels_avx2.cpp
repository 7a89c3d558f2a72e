// AVX2 with FMA: 16 registers of 8 floats, of which a tile takes 12.
#include "runner/kernels_text.h"

namespace weft::runner {

const Kernels avx2_kernels = kernels_of<8, 6>("avx2");

}  // namespace weft::runner
