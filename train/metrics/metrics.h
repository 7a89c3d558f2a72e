// Metrics of a task over a split: add() batch by batch, then finish(). Which there are is said in
// train/metrics/kinds, a file each with its formula. Labels keep their resolution; predictions grow
// to it (train/metrics/decode.h). Shares are in percent, angles in degrees. A metric is absent where
// it has no value (no label, or AUROC of one class). A prediction that is NaN is wrong, and counted:
// no class is it, 180 degrees off, the last rank; errors become NaN. In compat (docs/method.md
// section 6) predictions grow by nearest neighbour; what else differs is in the metric's file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"
#include "train/metrics/geometry.h"
#include "train/metrics/kinds/metric_kind.h"
#include "train/metrics/measure.h"

namespace weft {

struct Metric {
  std::string name;
  Measure value = 0;
  bool higher_is_better = false;
};

// By name alone, as metrics.jsonl holds no more; false of a name that weft does not know.
bool higher_is_better(std::string_view metric);
/// Whether the metric counts in Delta_T: those that papers list.
bool counts_in_delta(std::string_view metric);
/// Whether the metric is an error in the unit of the labels, and no share or angle.
bool in_label_unit(std::string_view metric);
/// Whether tables of runs show it.
bool is_in_tables(std::string_view metric);
/// Whether studies show it, before or after those that lead.
bool leads_in_studies(std::string_view metric);
bool follows_in_studies(std::string_view metric);

class MeanLoss;

class TaskMetrics {
 public:
  /// `deviation`: of the labels that `standardize` divided by it; errors are times it, in their
  /// unit.
  TaskMetrics(const TaskSpec& task, Semantics semantics, double deviation = 1);

  /// prediction: host f32 or f64 [N, h, w, C]; target: host f32 [N, H, W, C_label], NaN = invalid;
  /// geometry: as task_loss's.
  void add(const Tensor& prediction, const Tensor& target, const Geometry& geometry = {});
  /// How steep the batch's outputs are by the columns of task.slopes, [N, 1, 1, n], for metrics of
  /// slopes; prediction and target as in add.
  void add_slopes(const Tensor& prediction, const Tensor& slopes, const Tensor& target);
  /// A batch's loss and how many images it is the mean of.
  void add_loss(double loss, double weight);
  /// After the last batch: of all that the ranks have seen (Tally::join).
  void join(Ranks& ranks);
  /// The mean loss; absent before the first add_loss.
  Measure loss() const;
  /// Of the network's outputs so far, how many are NaN or infinite.
  int64_t faults() const { return faults_; }
  std::vector<Metric> finish() const;
  /// The tally that its metrics read; null: none of them reads such a one.
  template <class T>
  const T* tally() const {
    for (const Kept& kept : tallies_)
      if (kept.make == make_tally<T>) return static_cast<const T*>(kept.tally.get());
    return nullptr;
  }

 private:
  struct Kept {
    std::unique_ptr<Tally> (*make)(const TallyOf&);
    std::unique_ptr<Tally> tally;
  };

  TaskSpec task_;
  Semantics semantics_;
  std::vector<Kept> tallies_;
  const MeanLoss* loss_;  ///< one of them
  std::vector<std::pair<const MetricKind*, const Tally*>> read_;
  int64_t faults_ = 0;
};

}  // namespace weft
