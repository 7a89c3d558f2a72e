// The parts of a data set. Where it has no validation part, val is the tenth of the training samples
// whose keys hash lowest; of the rest policy.data_share becomes the logits' part likewise (unless the
// set says which is which; groups of a table are divided, docs/method.md 10). train = weights and
// policy, for warm-up and re-training. compat: the official code validates on test, and so does weft.
#pragma once

#include <vector>

#include "data/dataset.h"
#include "data/spec.h"

namespace weft {

struct Parts {
  std::vector<int64_t> train, weights, policy, val, test;
};

/// Indices in rising order. No part that is divided off is empty while there are samples enough.
Parts make_parts(const Dataset& dataset, Semantics semantics = Semantics::sound,
                 double policy_share = 0.2);

/// Of each key its split: the shares of val and test that rank lowest by hash, the rest train.
std::vector<Split> split_by_ratio(const std::vector<std::string>& keys, double val, double test);

}  // namespace weft
