// How much a run's tasks pulled against each other, as balance.jsonl has it: the mean cosine between
// two tasks' gradients over the watched steps in which both had one; below 0 they conflict.
#pragma once

#include <string>
#include <vector>

#include "train/run_folder/run_folder.h"

namespace weft {

struct Conflict {
  std::vector<std::string> stages;            ///< of the trunk, in order; the last is "all"
  std::vector<std::vector<Measure>> cosines;  ///< [stage][K K]; absent: never both, or i = j
  Measure mean;                               ///< over pairs and steps, of "all"
};

/// Of a run with `tasks` tasks. Nothing where its tasks share nothing.
Conflict conflict_of(const std::vector<BalanceLine>& lines, size_t tasks);

/// conflict_of(..).mean of a run folder; absent where the run was not watched.
Measure mean_cosine(const std::string& folder, const std::vector<std::string>& tasks);

}  // namespace weft
