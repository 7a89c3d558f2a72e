// The learning-rate range test (Smith, 2017, arXiv 1506.01186, section 3.3): steps of the run's first
// stage, each at a rate a constant factor above the last, from low to high; the loss falls, is flat and
// bursts. Losses are smoothed, s <- 0.9 s + 0.1 l over 1 - 0.9^n, and it ends where s is four times its
// least or a number is none. A tenth of the rate with the least s is a beginning for [warmup] and
// [retrain]. It trains a network of its own and keeps nothing.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "engine/backend.h"
#include "train/run_file/run_file.h"
#include "train/step/state.h"

namespace weft {

struct RatePoint {
  double rate = 0, loss = 0;  ///< the tasks' weighted sum, smoothed
};

struct RateRange {
  Phase phase = Phase::retrain;   ///< whose optimizer's rate it is
  std::string table;              ///< of the run file, where it stands: "warmup", "policy"
  std::vector<RatePoint> points;  ///< two or more
  double least = 0;               ///< the rate of the least loss
  double suggested = 0;           ///< a tenth of it
  bool burst = false;             ///< it ended before `high`
};

/// ConfigError where low < high does not hold, steps are fewer than 10, or the loss bursts before its
/// second point; DataError where no two batches have a label. A run that begins with its search is
/// measured at the weights' steps; what re-training executes is decided as a run would. The optimizer's trunk_lr keeps its ratio to lr.
RateRange find_rate(const AnyContext& context, const RunFile& run, const Dataset& data, double low,
                    double high, int64_t steps);

}  // namespace weft
