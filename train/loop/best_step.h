// The best step of re-training, chosen on validation data: one for all tasks by the sum of their
// scores (train/step/choice.h), or each single-task network's own (eval.best = "per-task"); and the
// next ones of eval.keep, by the same sum. Their checkpoints are written between two others, so that
// they can be of later steps than the one a run goes on from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/run_file/run_file.h"
#include "train/step/evaluate.h"
#include "train/step/state.h"

namespace weft {

/// Where the network of `state`'s step stands among the best eval.keep by `score`, lower is better
/// and a tie comes after; noted in the state. None: it is none of them.
std::optional<size_t> note_best(TrainState& state, const RunFile& run, double score);
/// Each task's network as it was when its own validation score was best: the names of the tasks of
/// which this one is.
std::vector<std::string> note_best_of_tasks(TrainState& state, const RunFile& run,
                                            const std::vector<TaskResult>& results);

/// After a resume: the run folder has to have files of the steps that the state calls the best. What
/// it has not is forgotten: a later step, which the run comes by again where its settings are the
/// same, took its place, or it is damaged or gone. The next best then is the best, or it is counted
/// anew from here, rather than weights tested that were not the best. Writes nothing; what has to be
/// said about the best, or "".
std::string forget_lost_best(TrainState& state, const RunFile& run, const std::string& folder);
/// Then, by who writes: the files of the best steps under their names, best, best-1 ..
void put_best_in_order(const std::string& folder, const TrainState& state);
/// DataError where the file at `path` in the run folder is not of the state's best step.
void require_best(const TrainState& state, const std::string& path, const std::string& folder);

}  // namespace weft
