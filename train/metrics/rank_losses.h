// task_loss over ranks (engine/ranks.h): the mean over the labels of all of them,
//   L = sum_r w_r L_r / sum_r w_r,   L_r and w_r: task_loss and loss_weight of rank r's rows
// All ranks record the same: one without a label has a loss of 0 whose gradient is 0.
#pragma once

#include "train/metrics/losses.h"

namespace weft {

/// nullopt: no rank has a label for this task. Of one process it is task_loss.
std::optional<Var> rank_loss(const TaskSpec& task, Semantics semantics, const Var& prediction,
                             const Tensor& target, const Geometry& geometry = {});

}  // namespace weft
