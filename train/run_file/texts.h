// Checks of runs on texts (data.kind = "text") and of their trunk, VD-CNN: one goes with the other.
#pragma once

#include "train/run_file/run_file.h"

namespace weft {

/// Throws ConfigError.
void check_texts(const RunFile& run);

}  // namespace weft
