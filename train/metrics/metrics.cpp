// TaskMetrics: the kinds of metrics that its task has, and each tally that one of them reads, once.
#include "train/metrics/metrics.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "train/metrics/decode.h"
#include "train/metrics/kinds/mean_loss.h"
#include "train/metrics/labels.h"

namespace weft {

TaskMetrics::TaskMetrics(const TaskSpec& task, Semantics semantics, double deviation)
    : task_(task), semantics_(semantics) {
  const TallyOf of{task_, semantics_, deviation};
  const auto tally = [&](auto make) {
    for (const Kept& kept : tallies_)
      if (kept.make == make) return kept.tally.get();
    tallies_.push_back({make, make(of)});
    return tallies_.back().tally.get();
  };
  loss_ = static_cast<const MeanLoss*>(tally(make_tally<MeanLoss>));
  for (const MetricKind& kind : metric_kinds())
    if (kind.of.has(task_.kind) && (kind.applies == nullptr || kind.applies(task_)))
      read_.push_back({&kind, tally(kind.reads.make)});
}

void TaskMetrics::add(const Tensor& prediction, const Tensor& target, const Geometry& geometry) {
  if (prediction.shape().rank() != 4 || target.shape().rank() != 4 ||
      prediction.shape()[0] != target.shape()[0])
    throw ShapeError(fmt::format("task '{}': predictions {} and labels {} are not of one batch",
                                 task_.name, prediction.shape(), target.shape()));
  const auto count_faults = [&](const auto* values) {
    for (int64_t i = 0; i < prediction.numel(); ++i) faults_ += !std::isfinite(values[i]);
  };
  if (prediction.dtype() == DType::f64)
    count_faults(prediction.data<double>());
  else
    count_faults(prediction.data<float>());

  const Tensor labels = labels_of(task_, semantics_, target);
  const int64_t images = labels.shape()[0], height = labels.shape()[1], width = labels.shape()[2],
                row = labels.shape().inner(2);
  const float* label = labels.data<float>();
  for (int64_t n = 0; n < images; ++n) {
    DecodedRows rows(task_, semantics_, prediction, geometry, n, height, width);
    for (int64_t y = 0; y < height; ++y, label += row) {
      const double* decoded = rows.row(y);
      for (const Kept& kept : tallies_) kept.tally->add_row(decoded, label, width);
    }
  }
  for (const Kept& kept : tallies_) kept.tally->add_batch(prediction, labels);
}

void TaskMetrics::add_slopes(const Tensor& prediction, const Tensor& slopes, const Tensor& target) {
  const Tensor labels = labels_of(task_, semantics_, target);
  for (const Kept& kept : tallies_) kept.tally->add_slopes(prediction, slopes, labels);
}

void TaskMetrics::add_loss(double loss, double weight) {
  for (const Kept& kept : tallies_) kept.tally->add_loss(loss, weight);
}

void TaskMetrics::join(Ranks& ranks) {
  for (const Kept& kept : tallies_) kept.tally->join(ranks);
  ranks.sum_all(faults_);
}

Measure TaskMetrics::loss() const { return loss_->value(); }

std::vector<Metric> TaskMetrics::finish() const {
  std::vector<Metric> metrics;
  for (const auto& [kind, tally] : read_)
    metrics.push_back({kind->name, kind->reads.value(*tally), kind->better == Better::higher});
  return metrics;
}

}  // namespace weft
