// semantics = "compat" reproduces the official code (docs/method.md section 6), whose numbers are
// not always what they are called. A run says which, before it begins.
#pragma once

#include <string>
#include <vector>

#include "train/run_file/run_file.h"

namespace weft {

/// One line a number; none in sound. `val_is_test`: the set has no validation part of its own.
std::vector<std::string> compat_notes(const RunFile& run, bool val_is_test);

}  // namespace weft
