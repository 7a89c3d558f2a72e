// Which GPUs the cells of a study are spread over: CUDA gives a process the cards that its variable
// CUDA_VISIBLE_DEVICES names, so a child that sees one card needs no option for it.
#pragma once

#include <string>
#include <vector>

namespace weft::cli {

/// Names of the first `count` cards that this process sees: those in `visible`, the value of
/// CUDA_VISIBLE_DEVICES, or "0", "1" and so on where it is null. ConfigError where CUDA shows fewer,
/// `cards` of them (cuda_cards()): its list ends before the first name of no card, such as -1.
std::vector<std::string> gpu_names(int count, const char* visible, int cards);

/// Of cards that `ranks` processes share, those of one: every ranks-th, or one where they are fewer.
std::vector<std::string> shared_out(const std::vector<std::string>& cards, int rank, int ranks);

/// The one of `load.size()` cards that has the least to do; the first of equals.
size_t idlest(const std::vector<size_t>& load);

}  // namespace weft::cli
