// row_parts: of many columns the first, of long cells the beginning.
#include "train/report/row_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/csv.h"
#include "train/study/table_text.h"

namespace weft {
namespace {

constexpr size_t most_columns = 10;  ///< beside labels and predictions
constexpr size_t most_lines = 24;
constexpr size_t most_letters = 60;  ///< bytes of UTF-8, and so at least 15 signs

std::string shortened(const std::string& cell) {
  if (cell.size() <= most_letters) return plain_cell(cell);
  size_t end = most_letters;  // not within a sign
  while (end > 0 && (static_cast<unsigned char>(cell[end]) & 0xC0) == 0x80) --end;
  return plain_cell(cell.substr(0, end)) + " ..";
}

}  // namespace

void row_parts(Page& page, const RunFile& run, const std::string& path) {
  const Csv csv = read_csv(path, {{}, "", ","});
  std::vector<size_t> shown;
  size_t others = 0;
  for (size_t i = 0; i < csv.header.size(); ++i) {
    const std::string& name = csv.header[i];
    const bool label = std::any_of(run.tasks.begin(), run.tasks.end(), [&](const TaskSpec& task) {
      return name == (task.column.empty() ? task.name : task.column);
    });
    if (label || name.starts_with("predicted") || ++others <= most_columns) shown.push_back(i);
  }
  const auto cells = [&](const std::vector<std::string>& row) {
    Cells out;
    for (const size_t i : shown) out.push_back(shortened(row[i]));
    return out;
  };
  std::vector<Cells> rows{cells(csv.header)};
  for (size_t r = 0; r < std::min(most_lines, csv.rows.size()); ++r)
    rows.push_back(cells(csv.rows[r]));
  page.markdown(table_text(rows, TableStyle::markdown));
  page.paragraph(
      fmt::format("Rows of the table as they stand there, and what the network says of each, as "
                  "weft predict writes it.{}",
                  shown.size() == csv.header.size() && csv.rows.size() <= most_lines
                      ? ""
                      : fmt::format(" The rest is in {}.", path)));
}

}  // namespace weft
