// What every norm asks of a vector that goes with the channels: x [.., C] needs [C], in the type that
// statistics have beside x (stat_dtype). ShapeError, in the op's name, with both as they are.
#pragma once

#include "engine/tape.h"

namespace weft {

inline void expect_channels(const char* op, const Var& x, const char* what, const Tensor& vector,
                            SourceLoc loc) {
  const Shape channels = {x.shape().back()};
  const DType wanted = stat_dtype(x.dtype());
  if (vector.shape() != channels || vector.dtype() != wanted)
    shape_error(op, loc, "{} is {} {}, x {} {} needs {} {}", what, name_of(vector.dtype()),
                vector.shape(), name_of(x.dtype()), x.shape(), name_of(wanted), channels);
}

}  // namespace weft
