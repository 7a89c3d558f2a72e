// The best constant prediction of a task, fitted on a set of labels, and the loss it has there:
// what a network must beat before it has learned anything. The constant is what minimises the loss:
//   cross-entropy     log of the (weighted) class distribution p;  loss = entropy of p
//   cosine            mean m of the unit normals;                  loss = 1 - |m|
//   L1                median;                   loss = mean absolute deviation from the median
//   squared error     mean;                                        loss = variance
//                     of a task with a target: measured_constant.h, which knows bounds and the
//                     relative loss
//   binary            log odds of the share p of ones;             loss = entropy of (p, 1 - p)
#pragma once

#include <vector>

#include "engine/tensor.h"
#include "train/metrics/geometry.h"
#include "train/metrics/measured_constant.h"

namespace weft {

class Baseline {
 public:
  Baseline(const TaskSpec& task, Semantics semantics);
  /// A batch of labels [N, H, W, C_label], taken for predictions of h x w as task_loss takes them.
  void add(const Tensor& target, const Geometry& geometry, int64_t height, int64_t width);
  /// Of all ranks' labels, as Tally's.
  void join(Ranks& ranks);
  /// NaN where no label was seen.
  double loss() const;
  /// The prediction: task.channels() values.
  std::vector<double> constant() const;

 private:
  struct YesOrNo {
    double loss, logit;
  };
  /// Of labels of which such a share is positive, by pos_weight.
  YesOrNo yes_or_no(double share) const;
  std::vector<double> distribution() const;
  double median() const;
  double mean() const;

  TaskSpec task_;
  Semantics semantics_;
  int64_t count_ = 0;
  std::vector<int64_t> per_class_;     // cross-entropy and binary; multilabel: those that have it
  double normal_sum_[3] = {};          // cosine
  mutable std::vector<float> values_;  // L1 and squared error; the median reorders them
  MeasuredConstant measured_;          // of a task with a target
};

}  // namespace weft
