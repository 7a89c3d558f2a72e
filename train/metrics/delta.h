// How much better or worse than single-task runs: Delta_T, in percent,
//   Delta_i = 100 / |M_i| * sum_j s_j (M_ij - S_ij) / |S_ij|
//   Delta_T = mean over tasks i of Delta_i
// M and S the metrics of the multi-task and the single-task run, s_j = 1 where higher is better,
// else -1; j runs over the metrics that papers list (counts_in_delta). And the score that the
// official code picks its best checkpoint by: the sum over tasks of the mean over j of
//   M_ij / R_ij, or R_ij / M_ij where lower is better
// R being reference values.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "train/metrics/metrics.h"

namespace weft {

using MetricsOfTasks = std::vector<std::vector<Metric>>;  ///< in task order

struct Delta {
  std::vector<Measure> tasks;  ///< absent where the two runs share no metric with a value
  Measure overall;             ///< mean of those that have a value
};

/// A metric that is NaN or infinite makes its task's Delta, and with it the mean, NaN.

Delta delta(const MetricsOfTasks& multi, const MetricsOfTasks& single);

/// Over the metrics that `references` name and that have a value; NaN where one is no number.
double relative_score(const MetricsOfTasks& metrics, const MetricsOfTasks& references);

/// The official references by the name of the configuration: nyu_v2_2task, nyu_v2_3task,
/// cityscapes_2task (also with _7small, _7large), taskonomy_5task, domainnet_6domains (whose
/// references are all 1, so the score is a sum of accuracies); one list per task, empty where
/// the configuration has no task of that kind. nullopt: no such configuration.
std::optional<MetricsOfTasks> official_references(std::string_view configuration,
                                                  const std::vector<TaskSpec>& tasks);

}  // namespace weft
