// huber_loss on the GPU: see ops/pixel_loss_cuda.cuh.
#include "ops/huber_loss.h"
#include "ops/pixel_loss_cuda.cuh"

namespace weft::kernels {

WEFT_PIXEL_LOSS(HuberError)

}  // namespace weft::kernels
