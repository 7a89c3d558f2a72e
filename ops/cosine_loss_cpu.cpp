// cosine_loss on the CPU.
#include "ops/cosine_loss.h"

#include "ops/pixel_loss_cpu.h"

namespace weft::kernels {

WEFT_PIXEL_LOSS(CosineDistance)

}  // namespace weft::kernels
