// A table of text cells (the first row is its header) in the ways that people want one: aligned for
// a terminal, Markdown, CSV, LaTeX (booktabs). Cells are written once, as Markdown: the signs that
// LaTeX spells otherwise (± × ↑ ↓ Δ_T, **bold**) are translated, and CSV quotes what needs it.
#pragma once

#include <string>
#include <vector>

#include "train/metrics/measure.h"

namespace weft {

using Cells = std::vector<std::string>;

enum class TableStyle { text, markdown, csv, latex };

/// With `turned` the rows are columns: for few rows of many cells.
std::string table_text(const std::vector<Cells>& rows, TableStyle style, bool turned = false);

/// Three or four digits: 123.4, 12.34, 0.1234; "-" where there is no value, "nan" and "inf" as
/// such.
std::string number_text(const Measure& value);
int number_decimals(double value);
/// For CSVs: all digits, nothing where there is no value.
std::string exact_text(const Measure& value);

/// Text for LaTeX: special characters escaped, the signs above translated.
std::string latex_text(const std::string& text);

}  // namespace weft
