// What one step's tasks did to each other: the norms of their gradients and the cosines between
// them, by stage of the trunk, and the weights that were chosen. g_i is the gradient of task i's
// weighted loss (and of its share in balance.weighting) at what tasks share. Of a step that was taken,
// and all its numbers are finite.
#pragma once

#include <string>
#include <vector>

namespace weft {

struct BalanceRecord {
  struct Stage {
    std::string name;             ///< "layer1"; "all": all that is shared, the last one
    std::vector<double> norms;    ///< [m] ||g_i||
    std::vector<double> cosines;  ///< [m, m] <g_i, g_j> / (||g_i|| ||g_j||); 0 where a norm is 0
  };
  std::vector<size_t> tasks;    ///< [m] those with a label and a weight, ascending
  std::vector<double> weights;  ///< [m] of l_i in the step; empty: each group has its own
  std::vector<Stage> stages;    ///< in the trunk's order; none where nothing is shared
};

}  // namespace weft
