// task_loss over ranks (engine/ranks.h): the mean over the labels of all of them,
//   L = sum_r w_r L_r / sum_r w_r,   L_r and w_r: task_loss and loss_weight of rank r's rows
// All ranks record the same: one without a label has a loss of 0 whose gradient is 0. The weights go
// by way of the host, which has the labels; where a step may be recorded twice (engine/cuda/graph.h),
// what was asked the first time is kept, as the others ask once.
#pragma once

#include "train/metrics/losses.h"

namespace weft {

/// Of one task and step: whether any rank has a label, and N w_r / sum_r w_r; 0 / 0 counts as none.
struct LossShare {
  bool asked = false, labelled = false;
  std::optional<double> factor{};
};

/// nullopt: no rank has a label for this task. Of one process it is task_loss. `share`, where given,
/// is asked for once.
std::optional<Var> rank_loss(const TaskSpec& task, Semantics semantics, const Var& prediction,
                             const Tensor& target, const Geometry& geometry = {},
                             LossShare* share = nullptr);

}  // namespace weft
