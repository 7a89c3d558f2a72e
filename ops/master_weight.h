// Weights of products that are computed in bf16. A weight (and its bias) comes in x's type, or in f32
// as the master copy that training changes. A master is rounded once a call, and its gradient is the
// f32 sum that the kernels end with: not rounded to bf16, and not cast back by one launch more. The
// optimizer keeps what was rounded up to date, so that only the first step rounds by launches. In
// f32 and f64 both types are one. Included by linear.cpp, conv2d.cpp and conv_transpose2d.cpp.
#pragma once

#include "ops/cast.h"

namespace weft {

/// Throws ShapeError where weight and bias are not of one type that goes with x's.
inline void check_weight_dtype(const char* op, const Var& x, const Var& weight, const Var* bias,
                               SourceLoc loc) {
  const DType own = weight.dtype();
  if ((own == x.dtype() || own == stat_dtype(x.dtype())) &&
      (bias == nullptr || bias->dtype() == own))
    return;
  shape_error(op, loc, "input is {}, weight {}: they must have one dtype", name_of(x.dtype()),
              name_of(own));
}

/// A weight or bias as the kernels want it, in x's type.
inline Tensor rounded_weight(const AnyContext& context, const Var& w, DType dtype) {
  const Tensor& own = w.value();
  if (own.dtype() == dtype) return own;
  own.want_rounded();
  const Tensor kept = own.rounded();
  return kept.defined() ? kept : converted(context, own, dtype);
}

/// Fills the gradient of input i, a weight or bias of type `own`, by write(Tensor), which takes the
/// kernels' sums in full.
template <class Write>
void weight_gradient(Backward& b, int i, DType own, Write&& write) {
  const DType full = stat_dtype(own);
  if (own == full) return write(b.din(i));
  const Tensor sums = b.scratch(b.input_shape(i), full);
  write(sums);
  b.pass(i, converted(b.context(), sums, own));
}

}  // namespace weft
