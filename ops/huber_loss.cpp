// huber_loss: one functor of a pixel loss.
#include "ops/huber_loss.h"

namespace weft {

Var huber_loss(const Var& pred, const Tensor& target, const Tensor& mask, double delta,
               Tensor* valid, SourceLoc loc) {
  if (!(delta > 0)) shape_error(HuberError::name, loc, "delta must be above 0, it is {}", delta);
  return pixel_loss(HuberError{delta}, pred, target, mask, valid, loc);
}

}  // namespace weft
