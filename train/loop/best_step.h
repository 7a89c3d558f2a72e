// The best step of re-training, chosen on validation data: one for all tasks by the sum of their
// scores (train/step/choice.h), or each single-task network's own (eval.best = "per-task"). Its
// checkpoint is written between two others, so that it can be of a later step than the one a run
// goes on from.
#pragma once

#include <string>
#include <vector>

#include "train/run_file/run_file.h"
#include "train/step/evaluate.h"
#include "train/step/state.h"

namespace weft {

/// Whether the network of `state`'s step is the best so far by `score`, lower is better; noted in
/// the state.
bool note_best(TrainState& state, double score);
/// Each task's network as it was when its own validation score was best: the names of the tasks of
/// which this one is.
std::vector<std::string> note_best_of_tasks(TrainState& state, const RunFile& run,
                                            const std::vector<TaskResult>& results);

/// After a resume: the file at `path` has to be of the step that the state calls the best. Else it is
/// of a later one, which the run comes by again where its settings are the same, or it is damaged or
/// gone: then the best is counted anew from here, rather than weights tested that were not the best.
/// What has to be said about that, or "".
std::string forget_lost_best(TrainState& state, const RunFile& run, const std::string& path);
/// DataError where the file at `path` in the run folder is not of the state's best step.
void require_best(const TrainState& state, const std::string& path, const std::string& folder);

}  // namespace weft
