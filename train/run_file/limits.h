// The table of limits: between which numbers every numeric key of the run file lies, so that no
// product of sizes or steps overflows behind it and no factor is infinite or 0 in f32. What has to
// fit together beyond that is check.cpp's, what has to fit the machine preflight.h's.
#pragma once

#include "train/run_file/run_file.h"

namespace weft {

/// ConfigError for the first key whose number lies outside its limits.
void check_limits(const RunFile& run);

}  // namespace weft
