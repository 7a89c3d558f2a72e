// The parts of a data set. Where it has no validation part, val is the tenth of the training
// samples whose keys hash lowest; the rest divides 80/20 in the same way into weights and policy
// (unless the set says which is which). train = weights and policy together, which warm-up and
// re-training use.
#pragma once

#include <vector>

#include "train/data/sample.h"

namespace weft {

struct Parts {
  std::vector<int64_t> train, weights, policy, val, test;
};

/// Indices in rising order. No part that is divided off is empty while there are samples enough.
Parts make_parts(const Dataset& dataset);

/// In (0, 1), by the key alone: for sets that divide by a ratio.
double hash_share(const std::string& key);

}  // namespace weft
