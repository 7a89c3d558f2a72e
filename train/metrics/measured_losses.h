// Losses of a task with a target, whose labels are those of data/measured_label.h. Where a label is a
// bound from above, the output counts as max(output, label), so that it is pulled down from above
// the bound and left alone below. pred [N, 1, 1, 1], labels host f32 [N, 1, 1, C], NaN: none; means
// are over the labels that there are.
//   squared    mean (p - t)^2: decades, in the unit of the output
//   relative   mean (2 (y' - y) / (y' + y + 2 y0))^2, y = 10^t: the error relative to the mean of
//              both (the symmetric percentage error of Makridakis, 1993), so that neither a
//              prediction far above nor one far below sends more than a bounded gradient; y0, the
//              task's relative_to, is where small values begin to count as equal
// Made of ops (maximum, exp, div, mse_loss), which retain what they need.
#pragma once

#include "data/spec.h"
#include "engine/tape.h"

namespace weft {

/// squared + task.relative * relative.
Var measured_loss(const TaskSpec& task, const Var& pred, const Tensor& labels);

/// pred, where the label is a bound max(pred, label).
Var above_bounds(const Var& pred, const Tensor& labels);
Var relative_loss(const Var& pred, const Tensor& labels);

}  // namespace weft
