// What a network learned from its data beside the weights: which class each word is, which input
// each column and category is, the means and deviations that inputs and labels are measured in,
// the size of the pictures, and a fingerprint of the samples. A data set makes it when training
// starts; every checkpoint carries it as JSON; evaluation, prediction and a resumed run read it
// from there, so that new rows renumber and rescale nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/spec.h"

namespace weft {

struct LearnedTask {
  std::string name;
  std::vector<std::string> words;  ///< of the classes, by id; empty: the data hold ids
  double mean = 0, deviation = 1;  ///< task.standardize: a label is mean + deviation * output

  bool operator==(const LearnedTask&) const = default;
};

/// An input column of a table, numeric or one-hot.
struct LearnedColumn {
  std::string name;
  bool categorical = false;
  std::vector<std::string> categories;  ///< one input each, in this order
  std::vector<std::string> others;      ///< in no training row: no category, as a missing cell
  /// Of the training rows' transformed numbers, or 0 and 1; deviation 0: all were equal.
  double mean = 0, deviation = 0;
  Transform transform = Transform::none;
  double scale = 1;      ///< the transform is of x / scale
  bool by_task = false;  ///< x is divided by its task's input_scale, too

  bool operator==(const LearnedColumn&) const = default;
};

/// Hashes of runs of `each` samples: where they are and what they are for, inputs, labels.
struct Fingerprint {
  int64_t count = 0, each = 1;
  uint64_t any_order = 0;  ///< of inputs and labels, the same in every order of the samples
  std::vector<uint64_t> samples, inputs, labels;

  bool operator==(const Fingerprint&) const = default;
};

struct LearnedFromData {
  Normalize normalize = Normalize::none;  ///< of pixels
  int height = 0, width = 0;              ///< of what the network saw
  std::vector<LearnedTask> tasks;         ///< empty: the set has nothing to say of them
  std::vector<LearnedColumn> columns;     ///< tabular
  std::vector<std::string> task_values;   ///< tabular, text: the values of data.task_column
  Fingerprint fingerprint;

  bool operator==(const LearnedFromData&) const = default;
};

std::string to_json(const LearnedFromData& learned);
/// Throws DataError, naming `source`, where a key is missing, of another type, or impossible.
LearnedFromData learned_from_json(const std::string& text, const std::string& source);

/// A DataError where the run file of a checkpoint and its record are not of one run.
void check_learned(const LearnedFromData& learned, Normalize normalize,
                   const std::vector<TaskSpec>& tasks, const std::string& source);

/// A predicted image label in words: "kitchen", "35.2 years", "3".
std::string label_text(const LearnedFromData& learned, const TaskSpec& spec, size_t task,
                       double value);
/// The same of a label's channels; a set of classes as a cell says it (data/sets/label_set.h):
/// "cat;dog", and ";" where none is there.
std::string label_text(const LearnedFromData& learned, const TaskSpec& spec, size_t task,
                       const std::vector<float>& label);

/// What a task's classes are called: by the run file, by the data, or by their numbers; empty: it has
/// none.
std::vector<std::string> class_names_of(const LearnedFromData& learned, const TaskSpec& spec,
                                        size_t task);

}  // namespace weft
