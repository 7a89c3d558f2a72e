// same_gates: pairs and places counted.
#include "models/collapse.h"

namespace weft {

double same_gates(const BinaryPolicy& policy, int first) {
  const auto& select = policy.select;
  int64_t same = 0, all = 0;
  for (size_t i = 0; i < select.size(); ++i)
    for (size_t j = i + 1; j < select.size(); ++j)
      for (size_t l = static_cast<size_t>(first); l < select[i].size(); ++l, ++all)
        same += select[i][l] == select[j][l];
  return all == 0 ? 1 : static_cast<double>(same) / static_cast<double>(all);
}

std::string collapse_text(double same) {
  return same == 1 ? "collapsed: all tasks take one path"
                   : fmt::format(
                         "two tasks take the same function block at {:.0f} % of the places, "
                         "mean over pairs (100: one path for all)",
                         100 * same);
}

}  // namespace weft
