// cosine_loss: one functor of a pixel loss.
#include "ops/cosine_loss.h"

namespace weft {

Var cosine_loss(const Var& pred, const Tensor& target, const Tensor& mask, Tensor* valid,
                SourceLoc loc) {
  return pixel_loss(CosineDistance{}, pred, target, mask, valid, loc);
}

Var cosine_loss_each(const Var& pred, const Tensor& target, const Tensor& mask, SourceLoc loc) {
  return pixel_loss_each(CosineDistance{}, pred, target, mask, loc);
}

}  // namespace weft
