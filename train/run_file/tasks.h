// What must fit together in a [[task]]: its kind, classes, map and names, and what its cells say.
#pragma once

#include "train/run_file/run_file.h"

namespace weft {

/// Throws ConfigError; check_run_file calls it.
void check_tasks(const RunFile& run);

/// Letters, digits, '-', '_' and '.', which does not come first: what a folder may be called.
bool plain_name(const std::string& name);
constexpr const char* plain_letters =
    "letters, digits, '-', '_' and '.', which does not come first";

}  // namespace weft
