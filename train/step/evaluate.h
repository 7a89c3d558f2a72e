// Evaluation of a model on some samples: losses at the head's stride, metrics at label resolution,
// batch norm by its running statistics, no dropout, skipped blocks not run; where tasks have
// slopes, those too (train/step/slopes.h), and all parameters are left frozen. Beside each loss stands
// that of the best constant prediction for these very labels (train/metrics/baseline.h): what a
// network must beat before it has learned anything. Ranks divide the batches; all have all results.
#pragma once

#include <functional>
#include <vector>

#include "data/split.h"
#include "train/metrics/detail.h"
#include "train/step/step.h"

namespace weft {

struct TaskResult {
  std::string task;
  /// Over all labels that the task can use (compat: the mean of batches, weighted by their images
  /// with a label); absent: there is none.
  Measure loss = 0;
  std::vector<Metric> metrics;
  int64_t faults = 0;  ///< outputs of the network that are NaN or infinite, where there are labels
  std::string unit = {};            ///< of the labels, and of errors (in_label_unit)
  Measure constant = std::nullopt;  ///< the loss of the best constant prediction
};

/// " cm" where the metric is an error in the labels' unit and the task names one (`before` + unit).
std::string unit_of(const TaskResult& result, const std::string& metric, const char* before);

const std::vector<int64_t>& part_of(const Parts& parts, EvalSplit split);

/// The policy for evaluation batch b; nullptr: every block runs for every task.
using PolicyOfBatch = std::function<const BinaryPolicy*(int64_t b)>;

/// On all of `indices`, in batches of run.data.batch images. With `batches` on a fixed sample of so
/// many batches (data/fixed_sample.h); compat: on the first, as the official code. `details`: of
/// each task.
std::vector<TaskResult> evaluate(AnyContext context, Model& model, const RunFile& run,
                                 const Dataset& data, const std::vector<int64_t>& indices,
                                 const PolicyOfBatch& policy, int64_t batches = 0,
                                 std::vector<TaskDetail>* details = nullptr);

/// What is wrong with a result: a loss, metric or output that is no number. nullopt: nothing.
std::optional<std::string> fault_of(const std::vector<TaskResult>& results);

}  // namespace weft
