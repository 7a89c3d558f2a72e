// A table as a set of samples: a row is an image 1 x 1 x D (data/sets/table_inputs.h), a task's
// label a cell of its `column`; empty cells are missing labels. Parts: test_index, the column
// `split`, or `ratio` by hash; else the usual ones (data/split.h).
// data.task_column: each row belongs to the task that its cell there names. A [[task]] without
// `rows` stands for one task per value (NAME-VALUE); one with `rows = "17"` for that value alone.
// Rows that belong to none of the tasks are left out.
// data.group: rows alike in these columns (a device's geometry; data/sets/groups.h) are all training,
// all validation or all test rows, by `ratio` as by `split`; a task with train_groups trains on the
// rows of those groups alone.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sets/table_inputs.h"

namespace weft {

class TabularDataset final : public Dataset {
 public:
  /// Reads and checks all at once. Every mistake is a DataError with file and line. `learned`: what
  /// a trained network knows of columns and labels, which the table has to agree with.
  TabularDataset(const DataSpec& data, const std::vector<TaskSpec>& tasks,
                 const LearnedFromData* learned = nullptr);

  int64_t size() const override { return static_cast<int64_t>(keys_.size()); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override { return keys_[static_cast<size_t>(index)]; }
  Split split(int64_t index) const override { return splits_[static_cast<size_t>(index)]; }
  int only_task(int64_t index) const override {
    return only_task_.empty() ? -1 : only_task_[static_cast<size_t>(index)];
  }
  bool labelled(int64_t index, size_t task) const override;
  std::optional<int64_t> class_of(int64_t index, size_t task) const override;

  LearnedFromData learned() const override { return learned_; }
  SampleContents contents(int64_t index) const override;
  std::vector<std::string> notes() const override;

  /// The tasks as they are trained: those that stood for many, written out.
  const std::vector<TaskSpec>& tasks() const { return tasks_; }
  const std::vector<std::string>& input_names() const { return input_names_; }

 private:
  void name_groups(const Table& table, const DataSpec& data);
  void read_splits(const Table& table, const DataSpec& data);
  void write_out_tasks(const Table& table, const DataSpec& data);
  void keep_rows_of_tasks(Table& table, const DataSpec& data);
  void learn_labels(const Table& table, const DataSpec& data, const std::vector<int64_t>& train);
  void read_labels(const Table& table, const DataSpec& data);
  /// Whether task k would be trained on a training row: its own, and of its train_groups.
  bool trains(const Table& table, const DataSpec& data, int64_t row, size_t k) const;
  /// Takes out the training rows that no task is trained on.
  void drop_untrained(Table& table, const DataSpec& data);
  /// A DataError where rows of one group are in two parts.
  void check_groups() const;
  /// Forgets training labels of groups that a task is not trained on; `all`: each has to be there.
  void keep_train_groups(const Table& table, const DataSpec& data, bool all);
  void weigh_tasks(const std::vector<int64_t>& train, double power);
  /// The input_scale of each row's task.
  std::vector<double> task_scales(const Table& table) const;
  const float* label_at(int64_t row, size_t task) const {
    return labels_.data() + static_cast<size_t>(row) * label_width_ + label_begin_[task];
  }
  /// The label that task k's column holds in a row, NaN where it holds none; not standardised.
  void label_in(const Table& table, int64_t row, size_t k, int column, float* out) const;

  LearnedFromData learned_;
  std::vector<TaskSpec> tasks_;
  std::vector<std::string> keys_, input_names_;
  std::vector<Split> splits_;
  std::vector<std::string> groups_;  ///< of each row; all alike without data.group
  std::vector<std::vector<std::string>> kept_groups_;  ///< of each task's train_groups, their names
  std::vector<int> only_task_;       ///< of each row; empty without data.task_column
  std::vector<float> inputs_;        ///< [rows, D]
  std::vector<float> labels_;        ///< [rows, all tasks' label channels], NaN: missing
  std::vector<size_t> label_begin_;  ///< of each task in a row
  size_t label_width_ = 0;
};

}  // namespace weft
