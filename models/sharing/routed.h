// A trunk with function blocks at its places (models/routed_block.h), as both routings have it:
// share.functions at each from `first` on.
#pragma once

#include "models/sharing/sharing.h"

namespace weft {

/// Throws ConfigError where the trunk is no ResNet, or so many function blocks are no choice.
TrunkOptions routed(TrunkOptions trunk, const ModelOptions& options, int first);

}  // namespace weft
