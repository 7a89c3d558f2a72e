// Evaluation of a model on some samples: losses at the head's stride, metrics at label resolution,
// batch norm by its running statistics, no dropout, skipped blocks not run.
#pragma once

#include <functional>
#include <vector>

#include "train/metrics.h"
#include "train/step.h"

namespace weft {

struct TaskResult {
  std::string task;
  Measure loss = 0;  ///< mean over the images that have this label; absent: none has
  std::vector<Metric> metrics;
  int64_t faults = 0;  ///< outputs of the network that are NaN or infinite, where there are labels
  std::string unit = {};  ///< of the labels, and of errors (in_label_unit)
};

/// " cm" where the metric is an error in the labels' unit and the task names one (`before` + unit).
std::string unit_of(const TaskResult& result, const std::string& metric, const char* before);

/// The policy for evaluation batch b; nullptr: every block runs for every task.
using PolicyOfBatch = std::function<const DrawnPolicy*(int64_t b)>;

/// The first `batches` batches of `indices` in their order (0: all), each of run.data.batch images.
std::vector<TaskResult> evaluate(AnyContext context, Model& model, const RunFile& run,
                                 const Dataset& data, const std::vector<int64_t>& indices,
                                 const PolicyOfBatch& policy, int64_t batches = 0);

/// What runs choose by: sum_k lambda_k loss_k, lower is better; tasks without a label count 0, and
/// a loss that is NaN makes it infinity, which is better than nothing.
double score(const RunFile& run, const std::vector<TaskResult>& results);

/// What is wrong with a result: a loss, metric or output that is no number. nullopt: nothing.
std::optional<std::string> fault_of(const std::vector<TaskResult>& results);

}  // namespace weft
