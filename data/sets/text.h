// Texts as a set of samples: a row of a CSV (data/sets/table.h) is an image 1 x L x 1 of the numbers
// of its characters (data/alphabet.h), L = data.length; longer texts are cut, shorter ones padded.
// data.columns are joined to one text; a task's label is a cell of its `column`. With data.escapes a
// line end may be written \n in it, and a quote \", as in the sets of Zhang, Zhao and LeCun (2015).
// Tasks of the same texts are columns of data.index. Tasks with texts of their own have a file each,
// task.index, whose columns may have names of their own (task.header, task.columns), or rows of their
// own in data.index, by data.task_column.
// Parts: the column `split`, test_index, or `ratio` by hash; else the usual ones (data/split.h).
#pragma once

#include <string>
#include <vector>

#include "data/alphabet.h"
#include "data/dataset.h"
#include "data/sets/table.h"
#include "data/spec.h"

namespace weft {

/// [data] as the task's own file is read: with its task.header and task.columns, where there are any.
DataSpec with_own_columns(const DataSpec& data, const TaskSpec& task);
/// [data] as one file is read for all of these tasks; ConfigError where they name and join columns each in
/// a way of its own. Of pictures and numbers it is `data`.
DataSpec one_reading(const DataSpec& data, const std::vector<TaskSpec>& tasks);

/// What of a table's rows a network reads.
class TextInputs {
 public:
  TextInputs(const Table& table, const DataSpec& data);
  /// data.columns' cells with a space between them, escapes as what they stand for; a DataError where
  /// all are empty.
  std::string text(const Table& table, int64_t row) const;

 private:
  std::vector<int> columns_;
  bool escapes_;
};

class TextDataset final : public Dataset {
 public:
  /// Reads and checks all at once. Every mistake is a DataError with file and line. `learned`: which
  /// class each word is, to a trained network.
  TextDataset(const DataSpec& data, std::vector<TaskSpec> tasks,
              const LearnedFromData* learned = nullptr);

  int64_t size() const override { return static_cast<int64_t>(keys_.size()); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override { return keys_[static_cast<size_t>(index)]; }
  Split split(int64_t index) const override { return splits_[static_cast<size_t>(index)]; }
  int only_task(int64_t index) const override { return owners_[static_cast<size_t>(index)]; }
  bool labelled(int64_t index, size_t task) const override;
  std::optional<int64_t> class_of(int64_t index, size_t task) const override;
  LearnedFromData learned() const override;
  SampleContents contents(int64_t index) const override;
  /// Of each file how much is cut, padded, and not in the alphabet.
  std::vector<std::string> notes() const override { return notes_; }

 private:
  /// `owner`: the task that the file belongs to; -1: to all, or as data.task_column says.
  void read_file(const DataSpec& data, int owner, const LearnedFromData* learned);
  void note_counts(const std::string& file, size_t first);
  const float* label(int64_t index, size_t task) const {
    return labels_.data() + static_cast<size_t>(index) * label_begin_.back() + label_begin_[task];
  }

  std::vector<TaskSpec> tasks_;
  Alphabet alphabet_;
  int length_;
  bool by_column_;                               ///< data.task_column says whose each row is
  std::vector<std::vector<std::string>> words_;  ///< of each task's classes
  std::vector<std::string> keys_, texts_, notes_;
  std::vector<Split> splits_;
  std::vector<int> owners_;             ///< the one task of each row, or -1
  std::vector<float> labels_;           ///< [rows, all tasks' label channels], NaN: missing
  std::vector<size_t> label_begin_{0};  ///< of each task in a row; at the end, their sum
};

}  // namespace weft
