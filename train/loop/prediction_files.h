// The files that predictions come from and go to: where each goes, that none lies over another, and how a
// picture's are written and told of. Shared with weft-run, so nothing that trains.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/learned.h"
#include "io/picture.h"

namespace weft {

/// Of one picture and task.
struct Prediction {
  Picture label;                      ///< train/metrics/decode.h
  std::vector<double> probabilities;  ///< of an image label's classes (class_probabilities)
};

/// `outputs`: the files that come of each input. A ConfigError where one would be written over
/// another, or over an input.
void check_outputs(const std::vector<std::string>& inputs,
                   const std::vector<std::vector<std::string>>& outputs);

/// The pictures that are named, and those in folders that are, by name and with what lies in folders
/// below; what links lead nowhere is none. A DataError where a folder holds none.
std::vector<std::string> pictures_in(const std::vector<std::string>& paths);

/// Where the maps of each picture go: FOLDER/STEM, to which "-TASK.png" is added. Pictures that have
/// one stem are told apart by their endings and folders: "a-photo", "b-photo-jpg". A ConfigError where
/// maps would be written over those of another, such as the same picture named twice, or over a picture
/// itself; image labels are printed and have no map.
std::vector<std::string> prediction_stems(const std::vector<std::string>& pictures,
                                          const std::vector<TaskSpec>& tasks,
                                          const std::string& folder);

/// Of the class that `label` is, "0.9371"; of the classes of a set as they stand, "0.9371;0.7"; empty
/// where there is none. `probabilities`: of each class.
std::string probability_text(const TaskSpec& task, const std::vector<float>& label,
                             const std::vector<double>& probabilities);
/// As CSVs have it.
std::string probability_text(double probability);

/// The first line of predictions.csv.
constexpr const char* predictions_header = "image,task,predicted,probability\n";

/// What is said of a prediction that was written.
struct Written {
  std::string said;  ///< a line for the terminal
  std::string row;   ///< a line of predictions.csv
};

/// Writes task k's label of a picture: STEM-TASK.png to look at, STEM-TASK.npy of its values and, with
/// a photograph to lay it over, STEM-TASK-overlay.png. An image label is told of alone.
Written write_prediction(const std::string& picture, const std::string& stem, const TaskSpec& task,
                         size_t k, const LearnedFromData& learned, const Prediction& made,
                         const Picture* photograph = nullptr);

/// FOLDER/predictions.csv of the rows that each picture gives in its turn. Pixels that end early are seen
/// only then: what was predicted before an error is written, and said, before it goes on.
void write_predictions(size_t pictures, const std::string& folder,
                       const std::function<std::string(size_t)>& rows_of,
                       const std::function<void(const std::string&)>& say);

/// FOLDER/FILE-predicted.csv of each FILE.csv or FILE.csv.gz. A ConfigError as above.
std::vector<std::string> predicted_tables(const std::vector<std::string>& tables,
                                          const std::string& folder);

}  // namespace weft
