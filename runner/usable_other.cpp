// usable_kernels where the compiler's target says all there is to know.
#include "runner/kernels.h"

namespace weft::runner {

KernelList usable_kernels() { return {{&plain_kernels}, 1}; }

}  // namespace weft::runner
