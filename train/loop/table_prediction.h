// The rows of a CSV as a network sees them, and what it says of each turned into a line of a CSV: the
// row's own cells, the task, and the prediction in the unit of the task's column.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/learned.h"
#include "data/sets/measured.h"
#include "data/sets/table_inputs.h"
#include "data/sets/text.h"
#include "engine/shape.h"

namespace weft {

/// What the network says of a task for a row: its output, decoded (train/metrics/decode.h), the
/// output's slopes by the columns of task.slopes, where there are any, and the classes' probabilities.
struct RowPrediction {
  std::vector<float> value;
  std::vector<double> slopes;
  std::vector<double> probabilities;
};

class TablePrediction {
 public:
  /// Reads `path` as `data` and the tasks say (one_reading, data/sets/text.h); its other files, and labels, are not needed. DataError as for
  /// training data, and where a row says no task, but its inputs depend on it (input_scale); ConfigError
  /// where the table has a column of predictions already. `learned` outlives it. `lines`: where in the
  /// file the rows begin that are meant; empty: all of them.
  TablePrediction(DataSpec data, const std::vector<TaskSpec>& tasks, const LearnedFromData& learned,
                  const std::string& path, const std::vector<int>& lines = {});
  TablePrediction(const TablePrediction&) = delete;
  TablePrediction& operator=(const TablePrediction&) = delete;

  int64_t rows() const { return static_cast<int64_t>(table_.rows.size()); }
  /// Of a row as the network sees it.
  const Shape& shape() const { return shape_; }
  /// Those that the row is of.
  std::vector<size_t> tasks_of(int64_t row) const;
  void encode(int64_t row, float* out) const;
  /// Whether a task has slopes.
  bool slopes() const { return !slopes_.empty(); }
  std::string header() const;
  /// The line of one row and task.
  std::string prediction(int64_t row, size_t k, const RowPrediction& output) const;

 private:
  const std::string& cell(int64_t row) const {
    return table_.rows[static_cast<size_t>(row)][static_cast<size_t>(owner_)];
  }
  std::vector<std::string> new_columns() const;
  void check_owners() const;
  std::string number(double value, int64_t row, size_t k, const char* what, double said) const;

  const LearnedFromData& learned_;
  Table table_;
  std::optional<TableInputs> inputs_;
  std::optional<TextInputs> text_;
  std::optional<Alphabet> alphabet_;
  Shape shape_;
  int owner_ = -1;
  std::vector<TaskSpec> tasks_;
  std::vector<std::optional<MeasuredLabels>> measured_;
  std::vector<std::vector<std::string>> classes_;  ///< of each task; empty: it has none
  size_t all_classes_ = 0;                         ///< of all tasks together
  std::vector<std::string> slopes_;  ///< of all tasks, "gm", in the order of their columns
};

}  // namespace weft
