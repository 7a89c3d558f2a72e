// Predictions as pictures: a trained model on somebody's photographs. Of a data set's samples, beside
// their labels: sample_sheets.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/loop/trainer.h"

namespace weft {

struct Prediction {
  Picture label;                      ///< train/metrics/decode.h
  std::optional<double> probability;  ///< of an image label's class
};

/// One photograph through the model, in the network's channels (gray: by luminance) and resized to
/// the run's size where it has one: per task a label picture at the photograph's own size.
std::vector<Prediction> predict(AnyContext context, Model& model, const RunFile& run,
                                const BinaryPolicy* policy, const Picture& photograph);

/// `outputs`: the files that come of each input. A ConfigError where one would be written over
/// another, or over an input.
void check_outputs(const std::vector<std::string>& inputs,
                   const std::vector<std::vector<std::string>>& outputs);

/// The pictures that are named, and those in folders that are, by name and with what lies in folders
/// below. A DataError where a folder holds none.
std::vector<std::string> pictures_in(const std::vector<std::string>& paths);

/// Where the maps of each picture go: FOLDER/STEM, to which "-TASK.png" is added. Pictures that have
/// one stem are told apart by their endings and folders: "a-photo", "b-photo-jpg". A ConfigError where
/// a picture is named twice, or maps would be written over those of another or a picture itself.
std::vector<std::string> prediction_stems(const std::vector<std::string>& pictures,
                                          const std::vector<TaskSpec>& tasks,
                                          const std::string& folder);

/// "0.9371"; empty where there is none.
std::string probability_text(std::optional<double> probability);

}  // namespace weft
