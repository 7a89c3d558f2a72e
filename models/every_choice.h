// Every choice of every task, weighed: what straight-through Gumbel needs, whose gradient asks what
// the other choices would have given. Each task in a pass of its own,
//   x_{l+1} = sum_c p_{l,c} F_l^c(x_l)     p [n, c] of the last n blocks, F^c at level levels[c]
// where level 0 is the shortcut r_l, and a block whose gate is hard runs at its level alone. Batch
// norm's running statistics follow the level that was drawn. Retains what the ops do.
#pragma once

#include <vector>

#include "models/policy.h"
#include "models/trunk.h"

namespace weft {

/// images [N, H, W, C], or [K N, H, W, C] in task order where they are each task's own; levels: of
/// p's columns. Each task's features [N, h, w, C'].
std::vector<Var> run_every_choice(Pass& pass, const Trunk& trunk, const Var& images,
                                  const PolicySample& sample, const std::vector<int>& levels,
                                  bool separate_inputs);

}  // namespace weft
