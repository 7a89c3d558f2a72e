// reach: which tasks' losses come back to a value that tasks share by being stacked on N. Forward
// both ops are the identity (y shares x's bytes, dx shares dy's). Backward runs from the end, so
// every task's `mark_reach` has been passed, or not, before anything that was recorded earlier; a
// value behind `where_reached` then gets dy where a task of its own was reached, and no gradient,
// not one of zeros, where none was. Retains nothing but the passes' numbers. No kernel, so no backend files.
#pragma once

#include <memory>
#include <vector>

#include "engine/tape.h"

namespace weft {

/// passes[k]: the reverse passes in which a gradient has come back from task k.
using Reach = std::shared_ptr<std::vector<std::vector<int>>>;

/// y = x; a gradient that passes here is task `task`'s.
Var mark_reach(const Var& x, const Reach& reached, int task, SourceLoc = SourceLoc::here());

/// y = x; dx = dy where one of `tasks` was reached, else x gets no gradient from here.
Var where_reached(const Var& x, const Reach& reached, const std::vector<int>& tasks,
                  SourceLoc = SourceLoc::here());

}  // namespace weft
