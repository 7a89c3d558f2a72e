// Curves out of a table with predictions (weft predict): what was measured as crosses, what is
// predicted as lines, over one input column; rows that are alike in the other inputs are one curve.
// The curves of most rows are drawn, up to ten, in the order of their inputs.
#pragma once

#include <string>
#include <vector>

#include "io/csv.h"

namespace weft {

struct TableCurves {
  std::string task;                 ///< of predicted.task
  std::string measured;             ///< the column; a table may be without it
  std::string along;                ///< the input column that is the abscissa
  std::vector<std::string> inputs;  ///< all input columns
  bool logarithmic = false;         ///< log10 of what is above 0
};

/// As SVG; empty where the task has no rows. DataError where a column is missing or holds no number.
std::string draw_table_curves(const Csv& table, const TableCurves& what);

}  // namespace weft
