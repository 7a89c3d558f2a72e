// Metrics of a task over a split: add() batch by batch, then finish(). Labels keep their
// resolution; predictions grow to it (train/metrics/decode.h). Shares are in percent, angles in
// degrees. A metric is absent where it has no value (no label, or AUROC of one class). A prediction
// that is NaN is wrong, and counted: no class is it, 180 degrees off, the last rank; errors become
// NaN. The first names are those of the papers:
//   segmentation      miou, pixel_acc, balanced_accuracy (mean recall), err (the mean loss)
//   normals           angle_mean, angle_median, within_11.25, within_22.5, within_30, within_45,
//                     angle_rmse, cosine
//   depth             abs, rel, delta_1.25, delta_1.25^2, delta_1.25^3, sq_rel, rms
//   edges, keypoints  abs
//   classification    accuracy, balanced_accuracy (the mean recall of the classes that occur)
//   binary            accuracy, auroc, average_precision
//   regression        mae, rmse (in the labels' unit, standardised or not), r2
// Where compat differs (docs/method.md section 6): predictions grow by nearest neighbour; miou
// leaves out classes without a true positive; with a negative `ignore` unlabelled pixels are wrong
// in pixel_acc; a negative depth is right in delta; pixel_acc, accuracy and mean errors are means
// of batches, weighted by images, not of pixels. Normals are compared as the reader hands them
// over.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"
#include "train/metrics/geometry.h"
#include "train/metrics/measure.h"

namespace weft {

struct Metric {
  std::string name;
  Measure value = 0;
  bool higher_is_better = false;
};

/// By name alone, as metrics.jsonl holds no more.
bool higher_is_better(std::string_view metric);
/// Whether the metric counts in Delta_T: those that papers list.
bool counts_in_delta(std::string_view metric);

/// Whether the metric is an error in the unit of the labels, and no share or angle.
bool in_label_unit(std::string_view metric);
/// Whether tables of runs show it: those that count in Delta_T, and r2.
bool is_in_tables(std::string_view metric);

class TaskMetrics {
 public:
  /// `deviation`: of the labels that `standardize` divided by it; errors are times it, in their
  /// unit.
  TaskMetrics(const TaskSpec& task, Semantics semantics, double deviation = 1);
  TaskMetrics(TaskMetrics&&) noexcept;
  TaskMetrics& operator=(TaskMetrics&&) noexcept;
  ~TaskMetrics();

  /// prediction: host f32 or f64 [N, h, w, C]; target: host f32 [N, H, W, C_label], NaN = invalid;
  /// geometry: as task_loss's.
  void add(const Tensor& prediction, const Tensor& target, const Geometry& geometry = {});
  /// A batch's loss and how many images it is the mean of.
  void add_loss(double loss, double weight);
  /// The mean loss; absent before the first add_loss.
  Measure loss() const;
  /// Of the network's outputs so far, how many are NaN or infinite.
  int64_t faults() const { return faults_; }
  std::vector<Metric> finish() const;

  class Accumulator;

 private:
  std::unique_ptr<Accumulator> accumulator_;
  double loss_sum_ = 0, loss_weight_ = 0;
  int64_t faults_ = 0;
};

/// Share of pairs (positive, negative) that scores put in order, ties counting half; 0..1. A score
/// that is NaN is in order with nothing. Absent where there are no positives or no negatives.
Measure auroc(const std::vector<double>& scores, const std::vector<bool>& positive);
/// Sum over thresholds of (recall gained) * precision; 0..1. NaN: as in auroc.
Measure average_precision(const std::vector<double>& scores, const std::vector<bool>& positive);

}  // namespace weft
