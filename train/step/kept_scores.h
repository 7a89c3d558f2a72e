// What TrainState keeps of validation scores: those that patience waits to be beaten, and those of the
// networks on disk. Lower is better (train/step/choice.h).
#pragma once

#include <cstdint>
#include <vector>

namespace weft {

/// Of the stage under way, where eval.patience ends stages (train/loop/patience.h).
struct Patience {
  std::vector<double> best;  ///< least score; eval.best = "per-task": of each task
  int64_t step = -1;         ///< of the run, at which there was one
  int64_t waited = 0;        ///< evaluations since

  bool operator==(const Patience&) const = default;
};

/// A network that is kept, and its score.
struct KeptStep {
  int64_t step = -1;
  double score = 0;

  bool operator==(const KeptStep&) const = default;
};

}  // namespace weft
