// reshape: the same elements, in the same order, under another shape. y shares x's bytes, and dx
// shares dy's; nothing is copied, nothing is retained. No kernel, so no backend files.
#pragma once

#include "engine/tape.h"

namespace weft {

/// Element counts must agree.
Var reshape(const Var& x, const Shape& shape, SourceLoc = SourceLoc::here());

}  // namespace weft
