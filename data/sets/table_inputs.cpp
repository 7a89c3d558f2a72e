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

/// The transformed number, or nothing where the cell is missing.
std::optional<double> transformed(const Table& table, int64_t row, int number,
                                  const LearnedColumn& column, double task_scale) {
  const auto v = numeric_cell(table, row, number);
  if (!v) return {};
  const double x = *v / (column.scale * (column.by_task ? task_scale : 1));
  const bool logarithm = column.transform == Transform::log || column.transform == Transform::log10;
  if (logarithm && !(x > 0))
    throw DataError(fmt::format("{}: column '{}': {} has no logarithm; [[column]] '{}' asks for it",
                                table.place(row), column.name, *v, column.name));
  if (column.transform == Transform::reciprocal && x == 0)
    throw DataError(fmt::format("{}: column '{}': 0 has no reciprocal; [[column]] '{}' asks for it",
                                table.place(row), column.name, column.name));
  switch (column.transform) {
    case Transform::none:
      return x;
    case Transform::log:
      return std::log(x);
    case Transform::log10:
      return std::log10(x);
    case Transform::asinh:
      return std::asinh(x);
    case Transform::reciprocal:
      return 1 / x;
  }
  return x;
}

/// What [[column]] says of a column, or the default.
ColumnSpec spec_of(const DataSpec& data, const std::string& name) {
  for (const ColumnSpec& spec : data.column_specs)
    if (spec.name == name) return spec;
  return {};
}

}  // namespace

std::optional<double> numeric_cell(const Table& table, int64_t row, int column) {
  const std::string& cell = table.rows[static_cast<size_t>(row)][static_cast<size_t>(column)];
  if (cell.empty()) return {};
  const std::optional<double> number = number_or_truth(cell);
  if (!number)
    throw DataError(fmt::format(
        "{}: column '{}': {}; name the column in data.categorical, or the word in data.missing",
        table.place(row), table.header[static_cast<size_t>(column)], no_number(cell)));
  return number;
}

double input_slope(const LearnedColumn& column, double input, double task_scale) {
  if (column.deviation == 0) return 0;
  const double scale = column.scale * (column.by_task ? task_scale : 1);
  const double f = column.mean + column.deviation * input;  // of x / scale
  const double outer = 1 / (column.deviation * scale);
  switch (column.transform) {
    case Transform::none:
      return outer;
    case Transform::log:
      return outer * std::exp(-f);
    case Transform::log10:
      return outer * std::pow(10.0, -f) / std::log(10.0);
    case Transform::asinh:
      return outer / std::cosh(f);
    case Transform::reciprocal:
      return -outer * f * f;
  }
  return outer;
}

size_t input_of(const std::vector<LearnedColumn>& columns, const std::string& name,
                const std::string& key) {
  size_t at = 0;
  for (const LearnedColumn& column : columns) {
    if (column.name == name && !column.categorical) return at;
    at += column.categorical ? column.categories.size() : 1;
  }
  throw ConfigError(fmt::format("{}: '{}' is no numeric input column", key, name));
}

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
                                         const std::vector<int64_t>& train,
                                         const std::vector<double>& task_scales) {
  std::vector<std::string> names, specified;
  for (const std::string& name : table.header)
    if (std::find(reserved.begin(), reserved.end(), name) == reserved.end()) names.push_back(name);
  check_patterns("data.columns", data.columns, names);
  check_patterns("data.leave_out", data.leave_out, table.header);
  check_patterns("data.categorical", data.categorical, table.header);
  for (const ColumnSpec& spec : data.column_specs) specified.push_back(spec.name);
  check_patterns("[[column]]", specified, names);
  std::vector<LearnedColumn> columns;
  for (const std::string& name : names) {
    if (!data.columns.empty() && !any_matches(data.columns, name)) continue;
    if (any_matches(data.leave_out, name)) continue;
    LearnedColumn column;
    column.name = name;
    column.categorical = any_matches(data.categorical, name);
    const bool is_specified =
        std::find(specified.begin(), specified.end(), name) != specified.end();
    if (column.categorical && is_specified)
      throw ConfigError(fmt::format(
          "[[column]] '{}': data.categorical makes one input of each of its words; there is no "
          "number to transform",
          name));
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
      const ColumnSpec spec = spec_of(data, name);
      column.transform = spec.transform;
      column.scale = spec.scale;
      column.by_task = spec.by_task;
      std::vector<double> values;
      for (int64_t row : train)
        if (const auto value =
                transformed(table, row, number, column, task_scales[static_cast<size_t>(row)]))
          values.push_back(*value);
      std::tie(column.mean, column.deviation) =
          spec.standardize ? standardisation(values) : std::pair<double, double>{0, 1};
    }
    columns.push_back(std::move(column));
  }
  for (const std::string& name : specified)
    if (std::none_of(columns.begin(), columns.end(),
                     [&](const LearnedColumn& column) { return column.name == name; }))
      throw ConfigError(fmt::format(
          "[[column]] '{}': is no input; data.columns or data.leave_out leave it out, or the name "
          "is a pattern, and a column is named whole here",
          name));
  if (TableInputs(table, columns, data).width() == 0)
    throw ConfigError(
        fmt::format("{}: no column is left as an input; see data.columns and "
                    "data.leave_out",
                    table.index));
  return columns;
}

TableInputs::TableInputs(const Table& table, const std::vector<LearnedColumn>& columns,
                         const DataSpec& data) {
  for (const LearnedColumn& column : columns) {
    width_ += column.categorical ? static_cast<int64_t>(column.categories.size()) : 1;
    columns_.push_back({column, table.column(column.name), spec_of(data, column.name).standardize});
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

void TableInputs::encode(const Table& table, int64_t row, double task_scale, float* out) const {
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
    const auto v = transformed(table, row, column.number, column, task_scale);
    if (!v && !column.standardized)
      throw DataError(fmt::format(
          "{}: column '{}' is empty, and 0 would count as a value of it: [[column]] '{}' leaves "
          "out "
          "mean and deviation (standardize = false); fill the cell, or leave the row out",
          table.place(row), column.name, column.name));
    const double inverse = column.deviation == 0 ? 0 : 1 / column.deviation;
    *out++ = static_cast<float>((v.value_or(column.mean) - column.mean) * inverse);
  }
}

}  // namespace weft
