// same_gates: pairs and places counted.
#include "models/collapse.h"

namespace weft {

std::optional<double> same_gates(const BinaryPolicy& policy, int first) {
  const auto& select = policy.select;
  int64_t same = 0, all = 0;
  for (size_t i = 0; i < select.size(); ++i)
    for (size_t j = i + 1; j < select.size(); ++j)
      for (size_t l = static_cast<size_t>(first); l < select[i].size(); ++l, ++all)
        same += select[i][l] == select[j][l];
  if (all == 0) return std::nullopt;
  return static_cast<double>(same) / static_cast<double>(all);
}

std::string collapse_text(double same, const std::string& whose) {
  return same == 1 ? fmt::format("collapsed: all {} take one path", whose)
                   : fmt::format(
                         "two {} take the same function block at {:.0f} % of the places, "
                         "mean over pairs (100: one path for all)",
                         whose, 100 * same);
}

}  // namespace weft
