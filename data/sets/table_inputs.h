// The columns of a table that a network sees, and the numbers they become; nothing is learned from
// validation or test rows:
//   numeric      (v - mean) / std over the training rows; a column that is constant there: 0
//   categorical  one-hot over the values of the training rows, sorted; a value of other rows: all 0
// A missing cell is 0 as well: the mean, or no category. A trained network's columns are found by
// name in any table; a category that no row had when they were learned is a DataError.
#pragma once

#include <string>
#include <vector>

#include "data/learned.h"
#include "data/sets/table.h"

namespace weft {

/// Columns by data.columns, leave_out and categorical; `reserved` (labels, split) are no inputs.
/// A cell of a numeric column that is no number is a DataError.
std::vector<LearnedColumn> learn_columns(const Table& table, const DataSpec& data,
                                         const std::vector<std::string>& reserved,
                                         const std::vector<int64_t>& train);

class TableInputs {
 public:
  /// A column that the table lacks is a DataError.
  TableInputs(const Table& table, const std::vector<LearnedColumn>& columns);

  int64_t width() const { return width_; }
  /// What each input is: "age", "workclass=Private".
  std::vector<std::string> names() const;
  /// Row -> width() numbers.
  void encode(const Table& table, int64_t row, float* out) const;

 private:
  struct Column : LearnedColumn {
    int number = 0;
  };

  std::vector<Column> columns_;
  int64_t width_ = 0;
};

/// Mean and standard deviation (divisor n; 0 where all are equal) of `values`.
std::pair<double, double> standardisation(const std::vector<double>& values);

}  // namespace weft
