// cosine_loss on the GPU: see ops/pixel_loss_cuda.cuh.
#include "ops/cosine_loss.h"
#include "ops/pixel_loss_cuda.cuh"

namespace weft::kernels {

WEFT_PIXEL_LOSS(CosineDistance)

}  // namespace weft::kernels
