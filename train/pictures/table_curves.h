// Curves out of a table with predictions (weft predict): what was measured as crosses, what is
// predicted as lines, over one input column; rows that are alike in the other inputs are one curve.
// Drawn are the ten curves of most rows, of as many rows those that come first, in the order of their
// inputs. A row without the abscissa is not drawn. On a logarithmic axis values of 0 and below are left out, and curves that have no others.
#pragma once

#include <string>
#include <vector>

#include "io/csv.h"

namespace weft {

struct TableCurves {
  std::string task;                     ///< of predicted.task
  std::string measured;                 ///< the column; a table may be without it
  std::string along;                    ///< the input column that is the abscissa
  std::vector<std::string> inputs;      ///< all input columns
  bool logarithmic = false;             ///< log10 of what is above 0
  std::string predicted = "predicted";  ///< the column; of a slope "predicted.gm"
};

/// As SVG; empty where nothing is to be drawn. DataError where a column is missing, or `along`,
/// measured or predicted hold what is no number.
std::string draw_table_curves(const Csv& table, const TableCurves& what);

}  // namespace weft
