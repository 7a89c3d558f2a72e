// The sharing graph of a network as SVG: from the input on the left to the tasks' heads on the right,
// a box for each run of a block, and between boxes lines as wide as there are tasks that go that way
// together. What has parted stays parted: two values that differ are never one again.
#pragma once

#include <string>
#include <vector>

#include "train/pictures/policy_picture.h"

namespace weft {

/// A task that skips a block passes by its boxes; tasks that skip it with the same value pass as one.
std::string draw_sharing(const std::string& title, const std::vector<std::string>& tasks,
                         const std::vector<PlannedBlock>& blocks);

}  // namespace weft
