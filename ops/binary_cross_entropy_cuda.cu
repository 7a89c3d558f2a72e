// binary_cross_entropy on the GPU: see ops/pixel_loss_cuda.cuh.
#include "ops/binary_cross_entropy.h"
#include "ops/pixel_loss_cuda.cuh"

namespace weft::kernels {

WEFT_PIXEL_LOSS(LogisticLoss)

}  // namespace weft::kernels
