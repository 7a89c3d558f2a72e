// Predictions as pictures: a trained model on somebody's photographs. Of a data set's samples, beside
// their labels: sample_sheets.h.
#pragma once

#include <vector>

#include "train/loop/prediction_files.h"
#include "train/loop/trainer.h"

namespace weft {

/// One photograph through the model, in the network's channels (gray: by luminance) and resized to
/// the run's size where it has one: per task a label picture at the photograph's own size.
std::vector<Prediction> predict(AnyContext context, Model& model, const RunFile& run,
                                const BinaryPolicy* policy, const Picture& photograph);

}  // namespace weft
