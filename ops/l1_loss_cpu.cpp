// l1_loss and mse_loss on the CPU.
#include "ops/l1_loss.h"

#include "ops/pixel_loss_cpu.h"

namespace weft::kernels {

WEFT_PIXEL_LOSS(AbsoluteError)
WEFT_PIXEL_LOSS(SquaredError)

}  // namespace weft::kernels
