// Which rows of a table are one group; see groups.h.
#include "data/sets/groups.h"

#include <fmt/format.h>

#include "io/number_text.h"

namespace weft {
namespace {

constexpr char between = 'x';

std::string joined(const std::vector<std::string>& cells) {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i)
    out += (i > 0 ? std::string(1, between) : "") + cells[i];
  return out;
}

}  // namespace

Groups::Groups(const Table& table, const std::vector<std::string>& columns) {
  for (const std::string& name : columns) {
    Column column{table.column(name)};
    for (const auto& row : table.rows) {
      const std::string& cell = row[static_cast<size_t>(column.number)];
      column.numeric &= cell.empty() || number_of(cell).has_value();
    }
    columns_.push_back(column);
  }
}

std::string Groups::text_of(const Column& column, const std::string& cell) {
  const auto number = column.numeric ? number_of(cell) : std::nullopt;
  return number ? fmt::format("{}", *number + 0.0) : cell;  // -0 + 0 is 0
}

std::string Groups::of(const Table& table, int64_t row) const {
  std::vector<std::string> cells;
  for (const Column& column : columns_)
    cells.push_back(
        text_of(column, table.rows[static_cast<size_t>(row)][static_cast<size_t>(column.number)]));
  return joined(cells);
}

std::string Groups::named(const std::string& written) const {
  std::vector<std::string> cells{""};
  for (const char c : written)
    if (c == between)
      cells.emplace_back();
    else
      cells.back() += c;
  if (cells.size() != columns_.size()) return written;  // a cell has the letter in it
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = text_of(columns_[i], cells[i]);
  return joined(cells);
}

}  // namespace weft
