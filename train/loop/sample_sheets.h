// Samples of a data set as sheets of pictures: with their labels, and with what a trained network says
// of them. Image labels are words below. All are without rows where the samples are no pictures.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/loop/trainer.h"
#include "train/pictures/sheet.h"

namespace weft {

/// Rows of input, then the label of every dense task; at most as wide as people need to recognise it.
Sheet sample_sheet(const RunFile& run, const Dataset& data, const std::vector<int64_t>& indices);

/// Rows of input, then label and prediction of every dense task.
Sheet prediction_sheet(Trainer& trainer, const Dataset& data, const std::vector<int64_t>& indices);

/// Two rows a task: the best sample and the worst, the second best and the second worst, each as
/// input, label and prediction. `tested` are samples that the details' keys name.
Sheet extremes_sheet(Trainer& trainer, const Dataset& data, const std::vector<int64_t>& tested,
                     const std::vector<TaskDetail>& details);

}  // namespace weft
