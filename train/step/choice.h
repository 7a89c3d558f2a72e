// What runs choose by: the best step, a sample of the policy, the search's best logits, a study's
// trial. Losses of tasks are of different sizes and units, so they are not added as they are:
//   sound   sum_k loss_k / constant_k, constant_k the loss of the best constant prediction for the
//           same labels (a constant that loses nothing: loss_k alone). A task's weight made plain
//           losses comparable in training; here they are so already, and it would count twice.
//   compat  minus the official relative score (train/metrics/delta.h), by the references of the
//           run's name; a name that has none: as in sound
// Lower is better. Tasks without a label, or of weight 0, count nothing.
#pragma once

#include <vector>

#include "train/step/evaluate.h"

namespace weft {

/// loss / constant, or loss where the constant prediction loses nothing (or is not known).
double relative_loss(double loss, const Measure& constant);

/// The part of each task; absent: it has no label, or is not trained. A fault (NaN) is infinity:
/// worse than anything.
std::vector<Measure> task_scores(const RunFile& run, const std::vector<TaskResult>& results);

/// Their sum.
double score(const RunFile& run, const std::vector<TaskResult>& results);

/// "no better than a constant prediction: seg 1.52 (constant 1.46), depth ..."; "" where each task
/// is better.
std::string worse_than_constant(const std::vector<TaskResult>& results);
/// What marks such a loss in tables.
inline constexpr const char* constant_mark = "†";
/// Whether the task's loss is no better than that of the best constant prediction.
bool no_better_than_constant(const TaskResult& result);

}  // namespace weft
