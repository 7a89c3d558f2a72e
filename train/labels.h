// Labels as losses and metrics see them. A target is host f32 [N, H, W, C_label] ([N, 1, 1,
// C_label] for image labels) with NaN where there is no label; C_label is 3 for normals, else 1.
// labels_at: the target at a loss's resolution, nearest, index floor(i in / out), with every label
// that the task cannot use turned into NaN (all channels of it): a depth <= 0 (compat: <= 3e-5, the
// official mask), a normal without length. A class id out of range is a DataError.
#pragma once

#include "engine/tensor.h"
#include "train/run_file.h"

namespace weft {

int label_channels(TaskKind kind);

Tensor labels_at(const TaskSpec& task, Semantics semantics, const Tensor& target, int64_t height,
                 int64_t width);

/// Pixels with a label, in what labels_at returned.
int64_t count_valid(const Tensor& labels);

}  // namespace weft
