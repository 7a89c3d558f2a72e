// A table as a set of samples; see tabular.h.
#include "data/sets/tabular.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "data/sets/cells.h"
#include "data/sets/groups.h"
#include "data/sets/label_set.h"
#include "data/sets/measured.h"
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
      check_task_values(table, data.task_column, learned_.task_values);
    keep_rows_of_tasks(table, data);
  }
  for (size_t row = 0; row < table.rows.size(); ++row)
    keys_.push_back(table.place(static_cast<int64_t>(row)));
  name_groups(table, data);
  read_splits(table, data);
  if (!data.group.empty()) check_groups();
  drop_untrained(table, data);
  // What is learned from the data (means, categories) comes from the rows that are trained on.
  const std::vector<int64_t> train = make_parts(*this).train;
  std::vector<std::string> reserved{data.split, data.task_column};
  if (data.group.size() == 1) reserved.push_back(data.group[0]);  // of several each may be an input
  for (TaskSpec& task : tasks_) {
    task.column = column_of(task);
    reserved.push_back(task.column);
    for (const std::string& text : task.slopes)
      reserved.push_back(parse_slope(text, "task." + task.name + ".slopes").label);
  }
  const std::vector<double> scales = task_scales(table);
  if (learned == nullptr) {
    learned_.columns = learn_columns(table, data, reserved, train, scales);
    learn_labels(table, data, train);
    for (const TaskSpec& task : tasks_)
      for (const std::string& text : task.slopes) {
        const std::string key = "task." + task.name + ".slopes";
        input_of(learned_.columns, parse_slope(text, key).input, key);
      }
  }
  const TableInputs inputs(table, learned_.columns, data);
  input_names_ = inputs.names();
  inputs_.resize(static_cast<size_t>(size() * inputs.width()));
  for (int64_t row = 0; row < size(); ++row)
    inputs.encode(table, row, scales[static_cast<size_t>(row)],
                  inputs_.data() + row * inputs.width());
  read_labels(table, data);
  keep_train_groups(table, data, learned == nullptr);
  if (data.label_power != 0 && learned == nullptr) weigh_tasks(train, data.label_power);
}

void TabularDataset::name_groups(const Table& table, const DataSpec& data) {
  const Groups groups(table, data.group);
  for (int64_t row = 0; row < size(); ++row) groups_.push_back(groups.of(table, row));
  for (const TaskSpec& task : tasks_) {
    kept_groups_.emplace_back();
    for (const std::string& written : task.train_groups)
      kept_groups_.back().push_back(groups.named(written));
  }
}

void TabularDataset::read_splits(const Table& table, const DataSpec& data) {
  if (!data.split.empty() || data.group.empty()) {
    splits_ = splits_of(table, data);
    return;
  }
  // Whole groups are divided.
  const std::vector<std::string> divided(groups_.begin(), groups_.begin() + table.first_test);
  const std::set<std::string> distinct(divided.begin(), divided.end());
  const std::vector<std::string> groups(distinct.begin(), distinct.end());
  const std::vector<Split> of_group = split_by_ratio(groups, data.ratio[0], data.ratio[1]);
  for (const std::string& group : divided)
    splits_.push_back(of_group[static_cast<size_t>(
        std::lower_bound(groups.begin(), groups.end(), group) - groups.begin())]);
  splits_.resize(keys_.size(), Split::test);
}

void TabularDataset::check_groups() const {
  if (std::find(splits_.begin(), splits_.end(), Split::val) == splits_.end())
    throw ConfigError(
        "data.group holds groups out whole, but there is no validation part, which would be taken "
        "out of the training rows one by one; name rows 'val' in data.split, or set data.ratio");
  std::map<std::string, int64_t> first;
  for (int64_t row = 0; row < size(); ++row) {
    const auto [found, fresh] = first.emplace(groups_[static_cast<size_t>(row)], row);
    if (!fresh && split(found->second) != split(row))
      throw DataError(fmt::format(
          "{} and {}: both are of the group {} (data.group), but they are in two parts; a group is "
          "held out whole",
          key(found->second), key(row), found->first));
  }
}

bool TabularDataset::trains(const Table& table, const DataSpec& data, int64_t row, size_t k) const {
  const TaskSpec& task = tasks_[k];
  if (!task.rows.empty() && cell(table, row, table.column(data.task_column)) != task.rows)
    return false;
  if (task.train_groups.empty()) return true;
  const std::vector<std::string>& kept = kept_groups_[k];
  return std::find(kept.begin(), kept.end(), groups_[static_cast<size_t>(row)]) != kept.end();
}

void TabularDataset::drop_untrained(Table& table, const DataSpec& data) {
  if (std::all_of(tasks_.begin(), tasks_.end(),
                  [](const TaskSpec& task) { return task.train_groups.empty(); }))
    return;
  std::vector<bool> used(table.rows.size());
  size_t to = 0;
  for (size_t row = 0; row < used.size(); ++row) {
    bool trained = splits_[row] != Split::train;
    for (size_t k = 0; k < tasks_.size() && !trained; ++k)
      trained = trains(table, data, static_cast<int64_t>(row), k);
    used[row] = trained;
    if (!trained) continue;
    std::swap(keys_[to], keys_[row]);
    splits_[to] = splits_[row];
    std::swap(groups_[to], groups_[row]);
    if (!only_task_.empty()) only_task_[to] = only_task_[row];
    ++to;
  }
  table.keep(used);
  keys_.resize(to);
  splits_.resize(to);
  groups_.resize(to);
  if (!only_task_.empty()) only_task_.resize(to);
}

void TabularDataset::keep_train_groups(const Table& table, const DataSpec& data, bool all) {
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const std::vector<std::string>& kept = tasks_[k].train_groups;
    if (kept.empty()) continue;
    std::set<std::string> seen;
    for (int64_t row = 0; row < size(); ++row) {
      if (split(row) != Split::train || !labelled(row, k)) continue;
      if (trains(table, data, row, k))
        seen.insert(groups_[static_cast<size_t>(row)]);
      else
        labels_[static_cast<size_t>(row) * label_width_ + label_begin_[k]] = invalid_pixel;
    }
    for (size_t i = 0; i < kept.size(); ++i)
      if (all && seen.count(kept_groups_[k][i]) == 0)
        throw ConfigError(
            fmt::format("task.{}.train_groups: the task has no training row of the group '{}'",
                        tasks_[k].name, kept[i]));
  }
}

void TabularDataset::weigh_tasks(const std::vector<int64_t>& train, double power) {
  std::vector<double> shares;
  double sum = 0;
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const auto labels =
        std::count_if(train.begin(), train.end(), [&](int64_t row) { return labelled(row, k); });
    shares.push_back(labels == 0 ? 0 : std::pow(static_cast<double>(labels), power));
    sum += shares.back();
  }
  for (size_t k = 0; k < tasks_.size() && sum > 0; ++k)
    tasks_[k].weight *= shares[k] / sum * static_cast<double>(tasks_.size());
}

std::vector<double> TabularDataset::task_scales(const Table& table) const {
  std::vector<double> scales(table.rows.size(), 1);
  const bool asked = std::any_of(tasks_.begin(), tasks_.end(),
                                 [](const TaskSpec& task) { return task.input_scale != 1; });
  for (size_t row = 0; asked && row < scales.size(); ++row) {
    if (only_task_.empty() || only_task_[row] < 0)
      throw ConfigError(fmt::format(
          "{}: tasks have an input_scale, but nothing says which one's this row is, or it is "
          "several tasks'; data.task_column names one for each row",
          table.place(static_cast<int64_t>(row))));
    scales[row] = tasks_[static_cast<size_t>(only_task_[row])].input_scale;
  }
  return scales;
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

void TabularDataset::keep_rows_of_tasks(Table& table, const DataSpec& data) {
  std::map<std::string, std::vector<int>> tasks_of;
  for (size_t k = 0; k < tasks_.size(); ++k)
    tasks_of[tasks_[k].rows].push_back(static_cast<int>(k));
  const int owner = table.column(data.task_column);
  std::vector<bool> owned(table.rows.size());
  for (size_t row = 0; row < owned.size(); ++row) {
    const auto tasks = tasks_of.find(table.rows[row][static_cast<size_t>(owner)]);
    owned[row] = tasks != tasks_of.end();
    if (owned[row]) only_task_.push_back(tasks->second.size() == 1 ? tasks->second[0] : -1);
  }
  table.keep(owned);
}

namespace {

std::optional<MeasuredLabels> measured_of(const Table& table, const TaskSpec& task) {
  if (task.target.empty()) return {};
  return MeasuredLabels(table, task);
}

}  // namespace

void TabularDataset::label_in(const Table& table, int64_t row, size_t k, int column,
                              float* out) const {
  write_label(cell(table, row, column), learned_.tasks[k].words, tasks_[k], table.place(row),
              column_of(tasks_[k]), out);
}

void TabularDataset::learn_labels(const Table& table, const DataSpec& data,
                                  const std::vector<int64_t>& train) {
  std::vector<std::string> unit_of;  // by task
  for (const TaskSpec& task : tasks_)
    unit_of.push_back(fmt::format("{} {} {} {} {}", column_of(task), task.scale, task.target,
                                  task.floor.value_or(0), task.invalid.value_or(0)));
  std::map<std::string, std::pair<double, double>> units;  // of standardised columns
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const TaskSpec& task = tasks_[k];
    const std::string& name = column_of(task);
    const int column = table.column(name);
    learned_.tasks.push_back(
        {task.name, names_of_classes(table.rows, column, name, task, table.index)});
    if (!task.standardize) continue;
    const std::string& unit = unit_of[k];
    // Rows that a task with this unit is trained on.
    const auto counts = [&](int64_t row) {
      for (size_t other = 0; other < tasks_.size(); ++other)
        if (unit_of[other] == unit && trains(table, data, row, other)) return true;
      return false;
    };
    if (units.count(unit) == 0) {
      std::vector<double> values;
      const auto measured = measured_of(table, task);
      for (int64_t row : train) {
        if (!counts(row)) continue;
        float own = invalid_pixel;
        if (!measured) label_in(table, row, k, column, &own);
        const double value = measured ? measured->target(row).value_or(invalid_pixel) : own;
        if (std::isfinite(value)) values.push_back(value);
      }
      units[unit] = standardisation(values);
      if (units[unit].second == 0) units[unit].second = 1;  // all are equal: a unit is a unit
    }
    std::tie(learned_.tasks[k].mean, learned_.tasks[k].deviation) = units[unit];
  }
}

void TabularDataset::read_labels(const Table& table, const DataSpec& data) {
  for (const TaskSpec& task : tasks_) {
    label_begin_.push_back(label_width_);
    label_width_ += static_cast<size_t>(task.label_channels());
  }
  labels_.assign(keys_.size() * label_width_, invalid_pixel);
  const int owner = data.task_column.empty() ? -1 : table.column(data.task_column);
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const TaskSpec& task = tasks_[k];
    const int column = table.column(task.column);
    const double mean = learned_.tasks[k].mean, deviation = learned_.tasks[k].deviation;
    const auto measured = measured_of(table, task);
    for (int64_t row = 0; row < size(); ++row) {
      if (!task.rows.empty() && cell(table, row, owner) != task.rows) continue;
      float* label = labels_.data() + static_cast<size_t>(row) * label_width_ + label_begin_[k];
      if (measured) {
        measured->fill(row, mean, deviation, label);
        measured->fill_inputs(learned_.columns,
                              inputs_.data() + static_cast<size_t>(row) * input_names_.size(),
                              label);
        continue;
      }
      label_in(table, row, k, column, label);
      if (task.standardize) *label = static_cast<float>((*label - mean) * (1 / deviation));
    }
  }
}

std::vector<std::string> TabularDataset::notes() const {
  std::vector<std::string> notes;
  for (const LearnedColumn& c : learned_.columns)
    if (!c.others.empty())
      notes.push_back(fmt::format("column '{}': no training row has {}, which count as no category",
                                  c.name, fmt::join(c.others, ", ")));
  return notes;
}

SampleContents TabularDataset::contents(int64_t index) const {
  const auto hash = [&](const std::vector<float>& numbers, size_t each) {
    const float* first = numbers.data() + static_cast<size_t>(index) * each;
    return hash_name({reinterpret_cast<const char*>(first), each * sizeof(float)});
  };
  return {{}, {}, hash(inputs_, input_names_.size()), hash(labels_, label_width_)};
}

bool TabularDataset::labelled(int64_t index, size_t task) const {
  return !std::isnan(*label_at(index, task));
}

std::optional<int64_t> TabularDataset::class_of(int64_t index, size_t task) const {
  const float label = *label_at(index, task);
  if (!tasks_[task].one_class() || std::isnan(label)) return std::nullopt;
  return static_cast<int64_t>(label);
}

Sample TabularDataset::load(int64_t index) const {
  const size_t width = input_names_.size();
  Sample sample{Picture(1, 1, static_cast<int>(width)), {}};
  std::copy_n(inputs_.begin() + static_cast<int64_t>(static_cast<size_t>(index) * width), width,
              sample.image.pixels.begin());
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const float* label = label_at(index, k);
    Picture picture;
    if (!std::isnan(*label)) {
      picture = Picture(1, 1, tasks_[k].label_channels());
      std::copy_n(label, picture.pixels.size(), picture.pixels.begin());
    }
    sample.labels.push_back(std::move(picture));
  }
  return sample;
}

}  // namespace weft
