// What a run has to say at its end (train/run_folder/summary.h): counts of the model under its
// policy, what was measured on the way, and the results of the test split.
#pragma once

#include "models/sharing/sharing.h"
#include "train/run_folder/run_folder.h"
#include "train/run_folder/summary.h"

namespace weft {

/// What stands behind the chosen policy, task x block: weights where every block is weighed, 0 or 1
/// where the policy was given, else p(select) as learned. Empty where there is no policy.
std::vector<std::vector<double>> shown_probability(const RunFile& run, const TrainState& state,
                                                   Model& model);

/// How alike the routes of the images last evaluated are, where a router looks at each.
std::optional<std::string> routes_text(const RunFile& run, Model& model);

RunSummary summarise(const RunFile& run, const Dataset& data, Model& model, const TrainState& state,
                     const Measured& measured, const std::vector<TaskResult>& results);

}  // namespace weft
