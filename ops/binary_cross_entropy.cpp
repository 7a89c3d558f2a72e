// binary_cross_entropy: one functor of a pixel loss.
#include "ops/binary_cross_entropy.h"

namespace weft {

Var binary_cross_entropy(const Var& logits, const Tensor& target, const Tensor& mask,
                         double pos_weight, Tensor* valid, SourceLoc loc) {
  return pixel_loss(LogisticLoss{pos_weight}, logits, target, mask, valid, loc);
}

Var binary_cross_entropy_each(const Var& logits, const Tensor& target, const Tensor& mask,
                              double pos_weight, SourceLoc loc) {
  return pixel_loss_each(LogisticLoss{pos_weight}, logits, target, mask, loc);
}

}  // namespace weft
