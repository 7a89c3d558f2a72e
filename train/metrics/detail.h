// What a report shows of a tested task beside its metrics, in little memory however large the split:
//   confusion    labels of class i that were predicted as class j, as the metrics count them
//   each         of a set of classes, each class by itself: labels that have it, predictions that do, both
//   calibration  of class probabilities p = softmax(logits) (binary: sigmoid): by the largest p, in
//                bins of equal width, how many labels, the sum of p, and how many were right; each class
//                of a set is a binary label of its own
//   scatter      label and prediction of some labels of regression and depth, evenly over the split
//   best, worst  samples by their mean error over the labels that the network's outputs look at:
//                wrong classes in %, -log p of the class, degrees, or |prediction - label|
// Labels that are no number, and those that are mere bounds, do not count.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/learned.h"
#include "train/metrics/metrics.h"

namespace weft {

inline constexpr size_t calibration_bins = 15;
inline constexpr size_t most_scattered = 600;  ///< of all tasks' shares at most so many a task
inline constexpr size_t most_confused = 200;   ///< classes of which the confusion is kept
inline constexpr size_t extremes_kept = 4;     ///< of the best samples, and of the worst

struct CalibrationBin {
  int64_t count = 0, right = 0;
  double confidence = 0;  ///< sum of the largest probabilities
};

struct ClassCount {
  int64_t labelled = 0, predicted = 0, right = 0;
  bool operator==(const ClassCount&) const = default;
};

struct ScoredSample {
  std::string key;
  double error = 0;  ///< NaN: an output was none
};

struct TaskDetail {
  std::string task;
  std::vector<std::string> classes = {};         ///< their names, or numbers; empty: it has none
  std::string error = {};                        ///< what the errors of best and worst are
  std::string value = {};                        ///< what scatter's numbers are
  int64_t samples = 0, unlabelled = 0;           ///< of the split; of these without any label
  int64_t labels = 0;                            ///< that outputs look at: pixels, or one a sample
  std::vector<int64_t> confusion = {};           ///< [label][prediction], the last column: no
                                                 ///< number; empty: no classes, or too many
  std::vector<ClassCount> each = {};             ///< empty: no set of classes
  std::vector<CalibrationBin> calibration = {};  ///< empty: the task has no classes
  std::vector<std::array<double, 2>> scatter = {};  ///< label, prediction
  std::vector<ScoredSample> best = {}, worst = {};  ///< the most extreme first
};

class DetailTally {
 public:
  /// `tasks`: how many share the number of scattered points.
  DetailTally(const TaskSpec& task, Semantics semantics, const LearnedFromData& learned,
              size_t index, size_t tasks);

  /// As TaskMetrics::add; keys: of the batch's samples from `first` on.
  void add(const Tensor& prediction, const Tensor& target, const Geometry& geometry,
           const std::vector<std::string>& keys, size_t first);
  /// So many samples without any label.
  void add_unlabelled(size_t samples);
  /// `metrics`: the same task's, of the same batches.
  TaskDetail finish(const TaskMetrics& metrics) const;

 private:
  double error_of(const double* output, const float* label);
  double error_of_set(const double* output, const float* label);
  void calibrate(double p_said, bool right);
  void keep(const ScoredSample& sample);
  void scatter(double label, double prediction);

  TaskSpec task_;
  Semantics semantics_;
  double mean_ = 0, deviation_ = 1;
  size_t most_points_;
  TaskDetail detail_;
  int64_t seen_ = 0, every_ = 1;  ///< labels that could be scattered; each so many-th is
};

}  // namespace weft
