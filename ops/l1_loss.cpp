// l1_loss and mse_loss: two functors of a pixel loss.
#include "ops/l1_loss.h"

namespace weft {

Var l1_loss(const Var& pred, const Tensor& target, const Tensor& mask, Tensor* valid,
            SourceLoc loc) {
  return pixel_loss(AbsoluteError{}, pred, target, mask, valid, loc);
}

Var mse_loss(const Var& pred, const Tensor& target, const Tensor& mask, Tensor* valid,
             SourceLoc loc) {
  return pixel_loss(SquaredError{}, pred, target, mask, valid, loc);
}

Var l1_loss_each(const Var& pred, const Tensor& target, const Tensor& mask, SourceLoc loc) {
  return pixel_loss_each(AbsoluteError{}, pred, target, mask, loc);
}

Var mse_loss_each(const Var& pred, const Tensor& target, const Tensor& mask, SourceLoc loc) {
  return pixel_loss_each(SquaredError{}, pred, target, mask, loc);
}

}  // namespace weft
