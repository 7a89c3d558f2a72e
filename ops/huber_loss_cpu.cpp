// huber_loss on the CPU.
#include "ops/huber_loss.h"

#include "ops/pixel_loss_cpu.h"

namespace weft::kernels {

WEFT_PIXEL_LOSS(HuberError)

}  // namespace weft::kernels
