// Predictions as pictures: a trained model on somebody's photographs, and on a data set's samples
// beside their labels.
#pragma once

#include <string>
#include <vector>

#include "train/data/sample.h"
#include "train/trainer.h"

namespace weft {

/// One RGB photograph through the model, resized to the run's size where it has one: per task a
/// label picture (train/decode.h) at the size that the network saw.
std::vector<Picture> predict(AnyContext context, Model& model, const RunFile& run,
                             const DrawnPolicy* policy, const Picture& photograph);

/// Rows of input, then label and prediction of every dense task; image labels are captions.
Picture prediction_sheet(Trainer& trainer, const Dataset& data,
                         const std::vector<int64_t>& indices);

}  // namespace weft
