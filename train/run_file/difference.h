// Where two run files part, line by line of their printed form: for messages that refuse to mix
// what was trained under one with what is asked by the other.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "train/run_file/run_file.h"

namespace weft {

/// The first lines that differ, such as {"steps = 4", "steps = 40"}; "" where one has ended.
std::optional<std::pair<std::string, std::string>> first_difference(const RunFile& a,
                                                                    const RunFile& b);

}  // namespace weft
