// binary_cross_entropy on the CPU.
#include "ops/binary_cross_entropy.h"

#include "ops/pixel_loss_cpu.h"

namespace weft::kernels {

WEFT_PIXEL_LOSS(LogisticLoss)

}  // namespace weft::kernels
