// Predictions as pictures: a trained model on somebody's photographs. Of a data set's samples, beside
// their labels: sample_sheets.h.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/loop/trainer.h"

namespace weft {

/// One photograph through the model, in the network's channels (gray: by luminance) and resized to
/// the run's size where it has one: per task a label picture (train/metrics/decode.h) at the photograph's
/// own size.
std::vector<Picture> predict(AnyContext context, Model& model, const RunFile& run,
                             const BinaryPolicy* policy, const Picture& photograph);

/// `outputs`: the files that come of each input. A ConfigError where one would be written over
/// another, or over an input.
void check_outputs(const std::vector<std::string>& inputs,
                   const std::vector<std::vector<std::string>>& outputs);

/// Where the maps of each picture go: FOLDER/STEM, to which "-TASK.png" is added. A ConfigError
/// where one picture's would be written over another's, or over a picture itself.
std::vector<std::string> prediction_stems(const std::vector<std::string>& pictures,
                                          const std::vector<TaskSpec>& tasks,
                                          const std::string& folder);

}  // namespace weft
