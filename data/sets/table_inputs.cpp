// The columns of a table that a network sees; see table_inputs.h.
#include "data/sets/table_inputs.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>

#include "data/sets/cells.h"
#include "engine/error.h"
#include "engine/glob.h"

namespace weft {
namespace {

bool any_matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

/// Every pattern has to name a column of `names`.
void check_patterns(const std::string& key, const std::vector<std::string>& patterns,
                    const std::vector<std::string>& names) {
  for (const std::string& pattern : patterns)
    if (std::none_of(names.begin(), names.end(),
                     [&](const std::string& name) { return matches(pattern, name); }))
      throw ConfigError(fmt::format("{}: '{}' is no input column; there are: {}", key, pattern,
                                    fmt::join(names, ", ")));
}

/// A number, or nothing where the cell is missing.
std::optional<double> numeric(const Table& table, int64_t row, int column) {
  const std::string& cell = table.rows[static_cast<size_t>(row)][static_cast<size_t>(column)];
  if (cell.empty()) return {};
  const std::optional<double> number = number_or_truth(cell);
  if (!number)
    throw DataError(fmt::format(
        "{}: column '{}': {}; name the column in data.categorical, or the word in data.missing",
        table.place(row), table.header[static_cast<size_t>(column)], no_number(cell)));
  return number;
}

}  // namespace

std::pair<double, double> standardisation(const std::vector<double>& values) {
  if (values.empty()) return {0, 0};
  const auto n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (double v : values) mean += v / n;
  for (double v : values) squares += (v - mean) * (v - mean) / n;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {mean, *low == *high ? 0 : std::sqrt(squares)};
}

std::vector<LearnedColumn> learn_columns(const Table& table, const DataSpec& data,
                                         const std::vector<std::string>& reserved,
                                         const std::vector<int64_t>& train) {
  std::vector<std::string> names;
  for (const std::string& name : table.header)
    if (std::find(reserved.begin(), reserved.end(), name) == reserved.end()) names.push_back(name);
  check_patterns("data.columns", data.columns, names);
  check_patterns("data.leave_out", data.leave_out, table.header);
  check_patterns("data.categorical", data.categorical, table.header);
  std::vector<LearnedColumn> columns;
  for (const std::string& name : names) {
    if (!data.columns.empty() && !any_matches(data.columns, name)) continue;
    if (any_matches(data.leave_out, name)) continue;
    LearnedColumn column;
    column.name = name;
    column.categorical = any_matches(data.categorical, name);
    const int number = table.column(name);
    if (column.categorical) {
      const auto cell = [&](size_t row) { return table.rows[row][static_cast<size_t>(number)]; };
      std::set<std::string> values, others;
      for (int64_t row : train) values.insert(cell(static_cast<size_t>(row)));
      for (size_t row = 0; row < table.rows.size(); ++row)
        if (values.count(cell(row)) == 0) others.insert(cell(row));
      values.erase("");
      others.erase("");
      column.categories.assign(values.begin(), values.end());
      column.others.assign(others.begin(), others.end());
    } else {
      std::vector<double> values;
      for (int64_t row : train)
        if (const auto value = numeric(table, row, number)) values.push_back(*value);
      std::tie(column.mean, column.deviation) = standardisation(values);
    }
    columns.push_back(std::move(column));
  }
  if (TableInputs(table, columns).width() == 0)
    throw ConfigError(
        fmt::format("{}: no column is left as an input; see data.columns and "
                    "data.leave_out",
                    table.index));
  return columns;
}

TableInputs::TableInputs(const Table& table, const std::vector<LearnedColumn>& columns) {
  for (const LearnedColumn& column : columns) {
    width_ += column.categorical ? static_cast<int64_t>(column.categories.size()) : 1;
    columns_.push_back({column, table.column(column.name)});
  }
}

std::vector<std::string> TableInputs::names() const {
  std::vector<std::string> out;
  for (const Column& column : columns_) {
    if (!column.categorical) out.push_back(column.name);
    for (const std::string& value : column.categories) out.push_back(column.name + "=" + value);
  }
  return out;
}

void TableInputs::encode(const Table& table, int64_t row, float* out) const {
  for (const Column& column : columns_) {
    if (column.categorical) {
      const std::string& cell =
          table.rows[static_cast<size_t>(row)][static_cast<size_t>(column.number)];
      bool known = cell.empty();
      for (const std::string& value : column.categories) {
        known |= cell == value;
        *out++ = cell == value ? 1.0f : 0.0f;
      }
      const auto& others = column.others;
      if (!known && std::find(others.begin(), others.end(), cell) == others.end())
        throw DataError(fmt::format(
            "{}: category '{}' of column '{}' is not among the {} that the network learned: {}",
            table.place(row), cell, column.name, column.categories.size(),
            fmt::join(column.categories, ", ")));
      continue;
    }
    const double v = numeric(table, row, column.number).value_or(column.mean);
    const double inverse = column.deviation == 0 ? 0 : 1 / column.deviation;
    *out++ = static_cast<float>((v - column.mean) * inverse);
  }
}

}  // namespace weft
