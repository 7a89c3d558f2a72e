// Who looks on while a run trains. Every call comes from the training thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/step/evaluate.h"
#include "train/step/state.h"

namespace weft {

/// What a finished step tells: losses per task, absent where the batch had no label.
struct StepReport {
  Stage stage = Stage::warmup;
  Phase phase = Phase::warmup;
  int64_t step = 0, steps = 0;  ///< of the stage
  std::vector<Measure> losses;
};

/// Whoever shows progress.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void on_step(const StepReport&) {}
  virtual void on_eval(Stage, EvalSplit, const std::vector<TaskResult>&) {}
  virtual void say(const std::string& /*line*/) {}
};

/// Takes a line for the log and the observer.
using Say = std::function<void(const std::string& line)>;

}  // namespace weft
