// What every CPU of the compiler's target has: vectors of 4 floats.
#include "runner/kernels_text.h"

namespace weft::runner {

const Kernels plain_kernels = kernels_of<4, 6>("plain");

}  // namespace weft::runner
