// What a way of sharing can be told ([share] in the run file); each key belongs to the ways named
// beside it, and its meaning is at the head of their files.
#pragma once

#include <string>
#include <vector>

namespace weft {

struct ShareOptions {
  std::vector<std::string> layers;   ///< soft: patterns of the constrained layers; empty: all
  std::string distance = "squared";  ///< soft: l2, squared or trace
  double weight = 0.01;              ///< soft: of the sum over pairs and layers
  std::vector<double> pair_weights;  ///< soft: (0,1), (0,2) .. (1,2) ..; empty: all 1
  bool per_channel = false;          ///< cross_stitch: a weight per channel, not one a stage
  int subspaces = 2;                 ///< sluice: S
  double orthogonality = 0.1;        ///< sluice: weight of the penalty
  std::string init = "imbalanced";   ///< sluice: imbalanced or balanced
};

}  // namespace weft
