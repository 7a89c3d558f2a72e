// Collapse of routes: routers that all choose alike have given up the choice (Rosenbaum et al. 2018;
// their collaboration bonus asks for some of it). Measured of a policy that is executed, select[task][place],
//   same = mean over pairs of tasks and places of [both take the same function block]
// At 1 all tasks take one path. RoutePolicy::together is what it is expected to be. Where a router
// looks at the input, it is of pairs of images instead (Executed::together, sharing/per_input.h).
#pragma once

#include <optional>
#include <string>

#include "models/binary_policy.h"

namespace weft {

/// Over the places from `first` on, which have a decision. None of one task: there are no pairs.
std::optional<double> same_gates(const BinaryPolicy& policy, int first);
/// The same in words; whose: what pairs are of.
std::string collapse_text(double same, const std::string& whose = "tasks");

}  // namespace weft
