// Which kernels a process uses.
#pragma once

#include <string>

#include "runner/kernels.h"

namespace weft::runner {

/// By name, or the best for an empty one; ConfigError where this CPU lacks them.
const Kernels& pick_kernels(const std::string& name);

}  // namespace weft::runner
