// Runs a trunk as a plan says. Groups are stacked on N: x is [G * N, H, W, C], group g holds the
// value that tasks groups[g] share. Retains nothing itself; the ops do.
#pragma once

#include "models/plan.h"

namespace weft {

struct Features {
  Var stacked;  ///< [G * N, H, W, C]
  Groups groups;
  int64_t images = 0;     ///< N
  Reach reach = nullptr;  ///< as the pass's; only of_task leads gradients back
  /// The feature map of one task: [N, H, W, C].
  Var of_task(int task) const;
};

/// x, `times` times over, one copy after the other along N.
Var repeat(const Var& x, int times);

/// Where the plan is for several tasks, what only tasks without a loss execute gets no gradient
/// (not a gradient of zero), as in passes of their own. images: [N, H, W, C], or [K * N, H, W, C]
/// in task order for a plan with separate inputs. p[k]: task k's gate values [n, 2], of the last n
/// blocks, (column 0 = select) where its gates are soft; else undefined.
Features run_trunk(Pass& pass, const Trunk& trunk, const Plan& plan, const std::vector<Var>& p,
                   const Var& images);

/// Blocks begin .. end - 1 of a trunk that everybody executes: x_{l+1} = ReLU(r_l + F_l(x_l)).
Var run_blocks(Pass& pass, const Trunk& trunk, int begin, int end, Var x);

}  // namespace weft
