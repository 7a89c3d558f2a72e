// Part of a split for evaluations while training (eval.batches): not its first samples, which in a
// sorted index are of one class, but a sample drawn at random, the same every time and for every
// run on these data (Philox by data.seed). It holds every class that the split's image labels have,
// as far as Dataset::class_of knows them, if need be by growing; of dense labels each picture shows
// several classes, and chance decides.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/spec.h"

namespace weft {

/// `count` of `indices` (per_task: of each task's own), or as many as it takes to hold every class;
/// in rising order.
std::vector<int64_t> fixed_sample(const Dataset& data, const std::vector<int64_t>& indices,
                                  const std::vector<TaskSpec>& tasks, int64_t count, bool per_task,
                                  uint64_t seed);

}  // namespace weft
