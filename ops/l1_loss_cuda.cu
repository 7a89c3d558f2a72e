// l1_loss on the GPU: see ops/pixel_loss_cuda.cuh.
#include "ops/l1_loss.h"
#include "ops/pixel_loss_cuda.cuh"

namespace weft::kernels {

WEFT_PIXEL_LOSS(AbsoluteError)
WEFT_PIXEL_LOSS(SquaredError)

}  // namespace weft::kernels
