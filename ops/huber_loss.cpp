// huber_loss: one functor of a pixel loss.
#include "ops/huber_loss.h"

namespace weft {
namespace {

HuberError huber(const char* name, double delta, SourceLoc loc) {
  if (!(delta > 0)) shape_error(name, loc, "delta must be above 0, it is {}", delta);
  return {delta};
}

}  // namespace

Var huber_loss(const Var& pred, const Tensor& target, const Tensor& mask, double delta,
               Tensor* valid, SourceLoc loc) {
  return pixel_loss(huber(HuberError::name, delta, loc), pred, target, mask, valid, loc);
}

Var huber_loss_each(const Var& pred, const Tensor& target, const Tensor& mask, double delta,
                    SourceLoc loc) {
  return pixel_loss_each(huber(HuberError::each_name, delta, loc), pred, target, mask, loc);
}

}  // namespace weft
