// A table on disk; see table.h.
#include "data/sets/table.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "data/sets/cells.h"
#include "data/split.h"
#include "engine/error.h"
#include "io/csv.h"
#include "io/files.h"

namespace weft {
namespace {

/// Where each column of the table stands in a file that names them in its own order.
std::vector<size_t> places_of_columns(const Table& table, const std::vector<std::string>& names,
                                      const std::string& header_key) {
  const auto refuse = [&](const std::string& what) {
    throw DataError(
        fmt::format("{}: {}; its first line names {}, {} has {}; a file without such a line needs "
                    "{}, which then names the columns of both",
                    table.test_index, what, fmt::join(names, ", "), table.index,
                    fmt::join(table.header, ", "), header_key));
  };
  std::vector<size_t> places;
  for (const std::string& name : table.header) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) refuse(fmt::format("column '{}' is missing", name));
    places.push_back(static_cast<size_t>(at - names.begin()));
  }
  for (const std::string& name : names)
    if (std::find(table.header.begin(), table.header.end(), name) == table.header.end())
      refuse(fmt::format("column '{}' is not in {}", name, table.index));
  return places;
}

/// Rows of a file whose column places[i] is the table's column i.
void append(Table& table, Csv csv, const std::vector<size_t>& places, const DataSpec& data,
            const std::string& file, const GivenHeader& given) {
  for (size_t row = 0; row < csv.rows.size(); ++row) {
    std::vector<std::string> cells;
    for (const size_t place : places) cells.push_back(std::move(csv.rows[row][place]));
    if (!data.header.empty() && cells == table.header)
      throw DataError(fmt::format("{}:{}: the file names its columns itself; {}", file,
                                  csv.lines[row],
                                  given.advice.empty() ? "leave out " + given.by : given.advice));
    for (std::string& cell : cells)
      if (std::find(data.missing.begin(), data.missing.end(), cell) != data.missing.end())
        cell.clear();
    table.rows.push_back(std::move(cells));
  }
  table.lines.insert(table.lines.end(), csv.lines.begin(), csv.lines.end());
}

}  // namespace

int Table::column(const std::string& name) const {
  const auto it = std::find(header.begin(), header.end(), name);
  if (it != header.end()) return static_cast<int>(it - header.begin());
  throw DataError(
      fmt::format("{}: no column '{}'; there are: {}", index, name, fmt::join(header, ", ")));
}

std::string Table::place(int64_t row) const {
  return fmt::format("{}:{}", row < first_test ? index : test_index,
                     lines[static_cast<size_t>(row)]);
}

void Table::keep(const std::vector<bool>& marked) {
  size_t to = 0;
  int64_t before_test = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    if (!marked[row]) continue;
    before_test += static_cast<int64_t>(row) < first_test;
    if (to != row) rows[to] = std::move(rows[row]);
    lines[to++] = lines[row];
  }
  rows.resize(to);
  lines.resize(to);
  first_test = before_test;
}

Table read_table(const DataSpec& data, const GivenHeader& given) {
  if (data.test_index == data.index)
    throw ConfigError(fmt::format(
        "the test file, {}, is the training file: what is tested would have been trained on",
        data.index));
  const CsvFormat format{data.header, data.comment, data.separator, given.by};
  Table table;
  table.index = data.index;
  table.test_index = data.test_index;
  Csv csv = read_csv(join_path(data.root, data.index), format);
  table.header = csv.header;
  std::vector<size_t> places(table.header.size());
  std::iota(places.begin(), places.end(), size_t{0});
  append(table, std::move(csv), places, data, data.index, given);
  table.first_test = static_cast<int64_t>(table.rows.size());
  if (!data.test_index.empty()) {
    Csv test = read_csv(join_path(data.root, data.test_index), format);
    places = places_of_columns(table, test.header, given.by);
    append(table, std::move(test), places, data, data.test_index, given);
  }
  if (table.rows.empty()) throw DataError(fmt::format("{}: has no rows", data.index));
  return table;
}

std::vector<Split> splits_of(const Table& table, const DataSpec& data) {
  const auto rows = static_cast<int64_t>(table.rows.size());
  if (!data.split.empty()) {
    const auto column = static_cast<size_t>(table.column(data.split));
    std::vector<Split> splits;
    for (int64_t row = 0; row < rows; ++row)
      splits.push_back(
          split_of(table.rows[static_cast<size_t>(row)][column], table.place(row), data.split));
    return splits;
  }
  std::vector<std::string> divided;
  for (int64_t row = 0; row < table.first_test; ++row) divided.push_back(table.place(row));
  std::vector<Split> splits = split_by_ratio(divided, data.ratio[0], data.ratio[1]);
  splits.resize(table.rows.size(), Split::test);
  return splits;
}

void check_task_values(const Table& table, const std::string& column,
                       const std::vector<std::string>& known) {
  const auto number = static_cast<size_t>(table.column(column));
  const std::set<std::string> words(known.begin(), known.end());
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const std::string& value = table.rows[row][number];
    if (!value.empty() && words.count(value) == 0)
      throw DataError(fmt::format(
          "{}: column '{}' says '{}', which is not among the {} values when the tasks were learned",
          table.place(static_cast<int64_t>(row)), column, value, words.size()));
  }
}

}  // namespace weft
