// A table as a set of samples; see tabular.h.
#include "data/sets/tabular.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "data/sets/cells.h"
#include "data/split.h"
#include "engine/error.h"
#include "engine/philox.h"

namespace weft {
namespace {

const std::string& column_of(const TaskSpec& task) {
  return task.column.empty() ? task.name : task.column;
}

const std::string& cell(const Table& table, int64_t row, int column) {
  return table.rows[static_cast<size_t>(row)][static_cast<size_t>(column)];
}

/// The distinct values of a column: as numbers rise where all are numbers, else as text.
std::vector<std::string> distinct(const Table& table, int column) {
  std::set<std::string> values;
  for (const auto& row : table.rows) values.insert(row[static_cast<size_t>(column)]);
  values.erase("");
  std::vector<std::string> out(values.begin(), values.end());
  if (std::all_of(out.begin(), out.end(), [](const auto& v) { return number_of(v).has_value(); }))
    std::stable_sort(out.begin(), out.end(),
                     [](const auto& a, const auto& b) { return *number_of(a) < *number_of(b); });
  return out;
}

/// The value in a task's name: letters, digits, '-' and '_'.
std::string plain(std::string value) {
  for (char& c : value)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  return value;
}

}  // namespace

TabularDataset::TabularDataset(const DataSpec& data, const std::vector<TaskSpec>& tasks,
                               const LearnedFromData* learned)
    : tasks_(tasks) {
  Table table = read_table(data);
  if (learned != nullptr) learned_ = *learned;
  if (!data.task_column.empty()) {
    if (learned == nullptr)
      write_out_tasks(table, data);
    else
      check_task_values(table, data);
    keep_rows_of_tasks(table, data);
  }
  for (size_t row = 0; row < table.rows.size(); ++row)
    keys_.push_back(table.place(static_cast<int64_t>(row)));
  read_splits(table, data);
  // What is learned from the data (means, categories) comes from the rows that are trained on.
  const std::vector<int64_t> train = make_parts(*this).train;
  std::vector<std::string> reserved{data.split, data.task_column};
  for (const TaskSpec& task : tasks_) reserved.push_back(column_of(task));
  if (learned == nullptr) {
    learned_.columns = learn_columns(table, data, reserved, train);
    learn_labels(table, train);
  }
  const TableInputs inputs(table, learned_.columns);
  input_names_ = inputs.names();
  inputs_.resize(static_cast<size_t>(size() * inputs.width()));
  for (int64_t row = 0; row < size(); ++row)
    inputs.encode(table, row, inputs_.data() + row * inputs.width());
  read_labels(table, data);
}

void TabularDataset::read_splits(const Table& table, const DataSpec& data) {
  if (!data.split.empty()) {
    const int column = table.column(data.split);
    for (int64_t row = 0; row < size(); ++row)
      splits_.push_back(split_of(cell(table, row, column), key(row), data.split));
    return;
  }
  const std::vector<std::string> divided(keys_.begin(), keys_.begin() + table.first_test);
  splits_ = split_by_ratio(divided, data.ratio[0], data.ratio[1]);
  splits_.resize(keys_.size(), Split::test);
}

void TabularDataset::write_out_tasks(const Table& table, const DataSpec& data) {
  const std::vector<std::string> values = distinct(table, table.column(data.task_column));
  learned_.task_values = values;
  std::vector<TaskSpec> out;
  for (const TaskSpec& task : tasks_) {
    if (!task.rows.empty()) {
      if (std::find(values.begin(), values.end(), task.rows) == values.end())
        throw DataError(fmt::format("{}: column '{}' never says '{}', the rows of task '{}'",
                                    table.index, data.task_column, task.rows, task.name));
      out.push_back(task);
      continue;
    }
    for (const std::string& value : values) {
      TaskSpec one = task;
      one.column = column_of(task);
      one.rows = value;
      one.name = fmt::format("{}-{}", task.name, plain(value));
      out.push_back(one);
    }
  }
  std::set<std::string> names;
  for (const TaskSpec& task : out)
    if (!names.insert(task.name).second)
      throw DataError(
          fmt::format("{}: two tasks would be named '{}'; column '{}' has values that "
                      "differ in signs only",
                      table.index, task.name, data.task_column));
  tasks_ = std::move(out);
}

/// A value that no row had when the tasks were learned belongs to none of them.
void TabularDataset::check_task_values(const Table& table, const DataSpec& data) const {
  const int column = table.column(data.task_column);
  const std::set<std::string> known(learned_.task_values.begin(), learned_.task_values.end());
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const std::string& value = table.rows[row][static_cast<size_t>(column)];
    if (!value.empty() && known.count(value) == 0)
      throw DataError(fmt::format(
          "{}: column '{}' says '{}', which is not among the {} values when the tasks were learned",
          table.place(static_cast<int64_t>(row)), data.task_column, value, known.size()));
  }
}

void TabularDataset::keep_rows_of_tasks(Table& table, const DataSpec& data) {
  std::map<std::string, std::vector<int>> tasks_of;
  for (size_t k = 0; k < tasks_.size(); ++k)
    tasks_of[tasks_[k].rows].push_back(static_cast<int>(k));
  const int owner = table.column(data.task_column);
  Table kept = table;
  kept.rows.clear();
  kept.lines.clear();
  kept.first_test = 0;
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const auto tasks = tasks_of.find(table.rows[row][static_cast<size_t>(owner)]);
    if (tasks == tasks_of.end()) continue;
    kept.first_test += static_cast<int64_t>(row) < table.first_test;
    kept.rows.push_back(std::move(table.rows[row]));
    kept.lines.push_back(table.lines[row]);
    only_task_.push_back(tasks->second.size() == 1 ? tasks->second[0] : -1);
  }
  table = std::move(kept);
}

float TabularDataset::label_in(const Table& table, int64_t row, size_t k, int column) const {
  const std::string& text = cell(table, row, column);
  if (text.empty()) return invalid_pixel;
  return label_of_cell(text, learned_.tasks[k].words, tasks_[k], table.place(row),
                       column_of(tasks_[k]));
}

void TabularDataset::learn_labels(const Table& table, const std::vector<int64_t>& train) {
  std::map<std::string, std::pair<double, double>> units;  // of standardised columns
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const TaskSpec& task = tasks_[k];
    const std::string& name = column_of(task);
    const int column = table.column(name);
    learned_.tasks.push_back(
        {task.name, names_of_classes(table.rows, column, name, task, table.index)});
    if (!task.standardize) continue;
    const std::string unit = fmt::format("{} {}", name, task.scale);
    if (units.count(unit) == 0) {
      std::vector<double> values;
      for (int64_t row : train)
        if (const float value = label_in(table, row, k, column); std::isfinite(value))
          values.push_back(value);
      units[unit] = standardisation(values);
      if (units[unit].second == 0) units[unit].second = 1;  // all are equal: a unit is a unit
    }
    std::tie(learned_.tasks[k].mean, learned_.tasks[k].deviation) = units[unit];
  }
}

void TabularDataset::read_labels(const Table& table, const DataSpec& data) {
  const size_t tasks = tasks_.size();
  labels_.assign(keys_.size() * tasks, invalid_pixel);
  const int owner = data.task_column.empty() ? -1 : table.column(data.task_column);
  for (size_t k = 0; k < tasks; ++k) {
    const TaskSpec& task = tasks_[k];
    const int column = table.column(column_of(task));
    const double mean = learned_.tasks[k].mean, inverse = 1 / learned_.tasks[k].deviation;
    for (int64_t row = 0; row < size(); ++row) {
      if (!task.rows.empty() && cell(table, row, owner) != task.rows) continue;
      float value = label_in(table, row, k, column);
      if (task.standardize) value = static_cast<float>((value - mean) * inverse);
      labels_[static_cast<size_t>(row) * tasks + k] = value;
    }
  }
}

SampleContents TabularDataset::contents(int64_t index) const {
  const size_t width = input_names_.size(), tasks = tasks_.size();
  const auto hash = [&](const std::vector<float>& numbers, size_t each) {
    const float* first = numbers.data() + static_cast<size_t>(index) * each;
    return hash_name({reinterpret_cast<const char*>(first), each * sizeof(float)});
  };
  return {{}, {}, hash(inputs_, width), hash(labels_, tasks)};
}

bool TabularDataset::labelled(int64_t index, size_t task) const {
  return !std::isnan(labels_[static_cast<size_t>(index) * tasks_.size() + task]);
}

std::optional<int64_t> TabularDataset::class_of(int64_t index, size_t task) const {
  const float label = labels_[static_cast<size_t>(index) * tasks_.size() + task];
  if (tasks_[task].kind == TaskKind::regression || std::isnan(label)) return std::nullopt;
  return static_cast<int64_t>(label);
}

Sample TabularDataset::load(int64_t index) const {
  const size_t width = input_names_.size(), tasks = tasks_.size();
  const auto row = static_cast<size_t>(index);
  Sample sample{Picture(1, 1, static_cast<int>(width)), {}};
  std::copy_n(inputs_.begin() + static_cast<int64_t>(row * width), width,
              sample.image.pixels.begin());
  for (size_t k = 0; k < tasks; ++k) {
    const float label = labels_[row * tasks + k];
    sample.labels.push_back(std::isnan(label) ? Picture() : scalar_picture(label));
  }
  return sample;
}

}  // namespace weft
