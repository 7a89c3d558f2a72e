// Where every node's value lies in one block of memory, so that values which are not there at the
// same time share it. A value lives from the node that computes it to the last that reads it, an
// output to the end. A function of one x, a sum or a product takes the place of an input that it is
// the last to read. Largest first, each at the lowest place that is free while it lives (Pisarchyk
// and Lee, 2020, arXiv 2001.03288, "greedy by size").
#pragma once

#include "train/export/network.h"

namespace weft {

struct MemoryPlan {
  std::vector<int64_t> offset;  ///< of each node's value, in floats; -1: elsewhere, as the input
  int64_t floats = 0;           ///< of all
};

MemoryPlan plan_memory(const ExportedNetwork& network);
/// `sizes`: of each node's value, in whatever offsets are to count; 0: it lies elsewhere.
MemoryPlan plan_memory(const ExportedNetwork& network, const std::vector<int64_t>& sizes);

}  // namespace weft
