// Early stopping: eval.patience evaluations in a row without a better score (train/step/choice.h;
// eval.best = "per-task": of any task) end a phase.
//   warm-up      the search begins, from the last weights
//   search       never ends early: its temperature, curriculum and sparsity follow its steps, and
//                validation scores see nothing of them
//   re-training  (and the one phase of a way without a policy) the best step is tested
// The count lies in the state beside the best scores, so that a resumed run ends at the same step
// whatever became of its best files.
#pragma once

#include <string>
#include <vector>

#include "train/step/evaluate.h"
#include "train/step/state.h"

namespace weft {

/// Counts an evaluation of the stage under way; true: the stage has to end here, before its last
/// step. A score that is no number is none that is better.
bool out_of_patience(TrainState& state, const RunFile& run, const std::vector<TaskResult>& results);

/// "retrain: stopped at step 12 of 40: 3 evaluations without a better validation score since run
/// step 9", of the state after such an evaluation.
std::string stopped_text(const TrainState& state, const RunFile& run);

}  // namespace weft
