// A task's target (data/target.h) row by row of a table: what the cells of its columns make of it,
// and the label with all that losses and metrics want to know (data/measured_label.h).
//   t = [log10] m max(y, floor);   bound: y <= floor;   strong: the condition's product > its number
// Every mistake is a DataError with file and line, or a ConfigError that names the key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/learned.h"
#include "data/sets/table.h"
#include "data/target.h"

namespace weft {

class MeasuredLabels {
 public:
  /// `labels`: false where the table has no columns of labels, and `fill` is not asked for.
  MeasuredLabels(const Table& table, const TaskSpec& task, bool labels = true);

  /// t of a row, nullopt where y is missing or invalid.
  std::optional<double> target(int64_t row) const;
  /// All channels of a row's label, but those of inputs; NaN where there is none.
  void fill(int64_t row, double mean, double deviation, float* out) const;
  /// Those of a label where slopes are learned: `inputs` as the network sees the row.
  void fill_inputs(const std::vector<LearnedColumn>& columns, const float* inputs,
                   float* out) const;
  /// y, in the unit of its column, where the network says t for the row.
  double back(int64_t row, double t) const;
  /// dy/dx likewise, x the input of task.slopes[s], where it says `slope` for dt/dx; at x = 0 as well,
  /// where y is defined there: with log10(id / vds) it is 10^t at vds = 0.
  double slope_back(int64_t row, size_t s, double t, double slope) const;

 private:
  struct Numbered : Slope {
    int number = 0;
    double power = 0;  ///< of the input in m
    Product others;    ///< m without it
    int input_number = -1;
  };
  std::optional<double> y(int64_t row) const;
  double number(int64_t row, const std::string& column) const;
  double value(const Product& product, int64_t row) const;

  const Table& table_;
  const TaskSpec& task_;
  Target target_;
  std::optional<Condition> strong_;
  std::vector<Numbered> slopes_;
  bool learned_ = false;  ///< whether one of them is
};

}  // namespace weft
