// weighted_sum: y = sum_j a_j x_j of maps of one shape, with learned weights a [m] on the device, in
// the statistics' type (f32, f64 in f64 runs).
//   dx_j = a_j dy,  da_j = <dy, x_j>
// By gate's kernels (ops/gate.h): all maps are read in one pass, a term of weight 0 is not, and two
// of the products in one. Retains a where some x needs a gradient, and every x where a does.
#pragma once

#include <vector>

#include "engine/tape.h"

namespace weft {

/// x: at least one, a as many numbers; y has their shape.
Var weighted_sum(const std::vector<Var>& x, const Var& a, SourceLoc = SourceLoc::here());

}  // namespace weft
