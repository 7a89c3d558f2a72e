// The columns of a table that a network sees, and the numbers they become; nothing is learned from
// validation or test rows:
//   numeric      (f(v / scale) - mean) / std over the training rows; a column constant there: 0
//                f: nothing, ln, log10, asinh or 1 / x, as [[column]] says, which can also leave out mean
//                and std, or divide v by a number of the row's task (TaskSpec::input_scale)
//   categorical  one-hot over the values of the training rows, sorted; a value of other rows: all 0
// A missing cell is 0 as well: the mean, or no category; a column without a mean (standardize = false)
// has no such number, and a cell missing there is a DataError. A trained network's columns are found by
// name in any table; a category that no row had when they were learned is a DataError.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/learned.h"
#include "data/sets/table.h"

namespace weft {

/// Columns by data.columns, leave_out and categorical; `reserved` (labels, split) are no inputs.
/// A cell of a numeric column that is no number, or has no logarithm, is a DataError. `task_scales`:
/// of every row.
std::vector<LearnedColumn> learn_columns(const Table& table, const DataSpec& data,
                                         const std::vector<std::string>& reserved,
                                         const std::vector<int64_t>& train,
                                         const std::vector<double>& task_scales);

/// d input / d x of a numeric column, at the x that gives `input`.
double input_slope(const LearnedColumn& column, double input, double task_scale);

/// Which of the inputs a numeric column is; a ConfigError, in the name of `key`, where it is none.
size_t input_of(const std::vector<LearnedColumn>& columns, const std::string& name,
                const std::string& key);

class TableInputs {
 public:
  /// A column that the table lacks is a DataError. `data`: its [[column]] say which are standardised.
  TableInputs(const Table& table, const std::vector<LearnedColumn>& columns, const DataSpec& data);

  int64_t width() const { return width_; }
  /// What each input is: "age", "workclass=Private".
  std::vector<std::string> names() const;
  /// Row -> width() numbers. `task_scale`: the input_scale of the row's task.
  void encode(const Table& table, int64_t row, double task_scale, float* out) const;

 private:
  struct Column : LearnedColumn {
    int number = 0;
    bool standardized = true;
  };

  std::vector<Column> columns_;
  int64_t width_ = 0;
};

/// A number, or nothing where the cell is missing.
std::optional<double> numeric_cell(const Table& table, int64_t row, int column);

/// Mean and standard deviation (divisor n; 0 where all are equal) of `values`.
std::pair<double, double> standardisation(const std::vector<double>& values);

}  // namespace weft
