// The columns of a table that a network sees, and the numbers they become; nothing is learned from
// validation or test rows:
//   numeric      (v - mean) / std over the training rows; a column that is constant there: 0
//   categorical  one-hot over the values of the training rows, sorted; a value never seen: all 0
// A missing cell is 0 as well: the mean, or no category.
#pragma once

#include <string>
#include <vector>

#include "train/data/table.h"

namespace weft {

class TableInputs {
 public:
  /// Columns by data.columns, leave_out and categorical; `reserved` (labels, split) are no inputs.
  /// A cell of a numeric column that is no number is a DataError.
  TableInputs(const Table& table, const DataSpec& data, const std::vector<std::string>& reserved,
              const std::vector<int64_t>& train);

  int64_t width() const { return width_; }
  /// What each input is: "age", "workclass=Private".
  std::vector<std::string> names() const;
  /// Row -> width() numbers.
  void encode(const Table& table, int64_t row, float* out) const;

 private:
  struct Column {
    int number = 0;
    std::string name;
    bool categorical = false;
    std::vector<std::string> values;
    double mean = 0, inverse_std = 0;
  };

  std::vector<Column> columns_;
  int64_t width_ = 0;
};

/// Mean and 1 / std (divisor n; 0 where all are equal) of `values`.
std::pair<double, double> standardisation(const std::vector<double>& values);

}  // namespace weft
