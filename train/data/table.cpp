// A table on disk; see table.h.
#include "train/data/table.h"

#include <algorithm>

#include "engine/error.h"
#include "train/data/csv.h"
#include "train/data/files.h"

namespace weft {
namespace {

void append(Table& table, Csv csv, const std::vector<std::string>& missing) {
  for (auto& row : csv.rows) {
    for (std::string& cell : row) {
      if (std::find(missing.begin(), missing.end(), cell) != missing.end()) cell.clear();
    }
    table.rows.push_back(std::move(row));
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

Table read_table(const DataSpec& data) {
  const CsvFormat format{data.header, data.comment, data.separator};
  Table table;
  table.index = data.index;
  table.test_index = data.test_index;
  Csv csv = read_csv(join_path(data.root, data.index), format);
  table.header = csv.header;
  append(table, std::move(csv), data.missing);
  table.first_test = static_cast<int64_t>(table.rows.size());
  if (!data.test_index.empty()) {
    Csv test = read_csv(join_path(data.root, data.test_index), format);
    if (test.header.size() != table.header.size())
      throw DataError(fmt::format("{}: has {} columns, {} has {}", data.test_index,
                                  test.header.size(), data.index, table.header.size()));
    append(table, std::move(test), data.missing);
  }
  if (table.rows.empty()) throw DataError(fmt::format("{}: has no rows", data.index));
  return table;
}

}  // namespace weft
