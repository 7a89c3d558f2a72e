// Labels as losses and metrics see them. A target is host f32 [N, H, W, C_label] ([N, 1, 1,
// C_label] for image labels) with NaN where there is no label; C_label is the
// task's label_channels: 3 for normals, those of data/measured_label.h for a target, else 1.
// labels_at: one label for each output of a prediction h x w, that of the pixel which the output
// stands for (train/metrics/geometry.h); labels_of: all of them, for metrics. In both every label
// that the task cannot use is turned into NaN (all channels of it): a depth <= 0 (compat: <= 3e-5,
// the official mask), a normal without length. A class id out of range is a DataError.
#pragma once

#include "engine/tensor.h"
#include "train/metrics/geometry.h"

namespace weft {

Tensor labels_at(const TaskSpec& task, Semantics semantics, const Tensor& target,
                 const Geometry& geometry, int64_t height, int64_t width);
Tensor labels_of(const TaskSpec& task, Semantics semantics, const Tensor& target);

/// Pixels with a label, in what labels_at or labels_of returned.
int64_t count_valid(const Tensor& labels);

}  // namespace weft
