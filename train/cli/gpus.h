// Which GPUs the cells of a study are spread over: CUDA gives a process the cards that its variable
// CUDA_VISIBLE_DEVICES names, so a child that sees one card needs no option for it.
#pragma once

#include <string>
#include <vector>

namespace weft::cli {

/// Names of the first `count` cards that this process may see: those in `visible`, the value of
/// CUDA_VISIBLE_DEVICES, or "0", "1" and so on where it is null. ConfigError where it names fewer.
std::vector<std::string> gpu_names(int count, const char* visible);

/// The one of `load.size()` cards that has the least to do; the first of equals.
size_t idlest(const std::vector<size_t>& load);

}  // namespace weft::cli
