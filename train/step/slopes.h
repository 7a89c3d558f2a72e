// How steep a network's outputs are by a column of its table, exactly: rows know nothing of each
// other where batch norm uses its running statistics (or there is none), so the gradient of
// sum_n p_n by the inputs, one backward pass, holds dp_n/dinput_n of every row; with the inputs'
// own slopes (data/sets/table_inputs.h) that is dp_n/dx_n. A second way down the tape, and no
// difference quotient. Retains nothing; parameters are to be frozen.
#pragma once

#include "data/learned.h"
#include "engine/tape.h"

namespace weft {

/// Host f64 [N, 1, 1, n]: the slopes of an output [N, 1, 1, 1] by the columns of task.slopes.
/// `inputs`: the leaf [M, 1, 1, D] that it was computed from, whose rows from `first` are the
/// output's. The tape is retained. ConfigError where a column is no numeric input.
Tensor slopes_of(const Var& output, const Var& inputs, int64_t first, const TaskSpec& task,
                 const std::vector<LearnedColumn>& columns);

}  // namespace weft
