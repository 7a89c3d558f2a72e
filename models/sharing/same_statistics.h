// Running statistics of each task's own are the same for two tasks as long as both have seen the
// same values: all through the common prefix of their policies, in a network that was trained under
// them from the start. Evaluation finds that out by looking, and runs such a prefix once, as a
// training step does. In the block at which their ways part each already has a shortcut of its own.
#pragma once

#include <string>
#include <vector>

#include "models/parameter_store.h"
#include "models/trunk.h"

namespace weft {

/// [a][b]: how many leading blocks of the trunk have the same statistics, bit for bit, for tasks a
/// and b; -1: not even the stem. Waits for a GPU.
using SameStatistics = std::vector<std::vector<int>>;
SameStatistics same_statistics(const ParameterStore& store, const Trunk& trunk,
                               const std::vector<std::string>& tasks);

}  // namespace weft
