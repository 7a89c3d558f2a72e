// TablePrediction: a table read for its inputs alone.
#include "train/loop/table_prediction.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/sets/cells.h"
#include "data/target.h"
#include "engine/error.h"
#include "io/csv_text.h"
#include "train/loop/prediction_files.h"

namespace weft {
namespace {

std::string line(const std::vector<std::string>& cells, const std::vector<std::string>& more) {
  std::string out;
  for (const auto* part : {&cells, &more})
    for (const std::string& text : *part) out += csv_cell(text) + ",";
  out.back() = '\n';
  return out;
}

}  // namespace

TablePrediction::TablePrediction(DataSpec data, const std::vector<TaskSpec>& tasks,
                                 const LearnedFromData& learned, const std::string& path,
                                 const std::vector<int>& lines)
    : learned_(learned), tasks_(tasks) {
  for (size_t k = 0; k < tasks_.size(); ++k) {
    classes_.push_back(class_names_of(learned, tasks_[k], k));
    all_classes_ += classes_.back().size();
  }
  data = one_reading(data, tasks_);
  const std::filesystem::path file(path);
  data.root = file.has_parent_path() ? file.parent_path().string() : ".";
  data.index = file.filename().string();
  data.test_index.clear();
  table_ = read_table(data, {"the run", "the run names them already, so take that line out"});
  if (!lines.empty()) {
    std::vector<bool> meant;
    for (const int at : table_.lines)
      meant.push_back(std::find(lines.begin(), lines.end(), at) != lines.end());
    table_.keep(meant);
  }
  if (data.kind == DataKind::text) {
    text_.emplace(table_, data);
    alphabet_.emplace(data.alphabet);
    shape_ = {1, data.length, 1};
  } else {
    inputs_.emplace(table_, learned.columns, data);
    shape_ = {1, 1, inputs_->width()};
  }
  owner_ = data.task_column.empty() ? -1 : table_.column(data.task_column);
  if (owner_ >= 0) check_task_values(table_, data.task_column, learned.task_values);
  for (const TaskSpec& task : tasks_) {
    measured_.emplace_back();
    if (!task.target.empty()) measured_.back().emplace(table_, task, /*labels=*/false);
    for (const std::string& text : task.slopes) {
      const std::string name = parse_slope(text, "task." + task.name + ".slopes").label;
      if (std::find(slopes_.begin(), slopes_.end(), name) == slopes_.end()) slopes_.push_back(name);
    }
  }
  for (const std::string& name : new_columns())
    if (std::count(table_.header.begin(), table_.header.end(), name) > 0)
      throw ConfigError(
          fmt::format("{}: has a column '{}' already, as what weft predict wrote has; "
                      "predict the table without it",
                      table_.index, name));
  if (owner_ >= 0 && !text_) check_owners();
}

/// A row that says no task is all tasks', which needs the same inputs for them.
void TablePrediction::check_owners() const {
  const bool scaled = std::any_of(learned_.columns.begin(), learned_.columns.end(),
                                  [](const LearnedColumn& column) { return column.by_task; });
  if (!scaled || std::all_of(tasks_.begin(), tasks_.end(), [&](const TaskSpec& task) {
        return task.input_scale == tasks_[0].input_scale;
      }))
    return;
  for (int64_t row = 0; row < rows(); ++row)
    if (cell(row).empty())
      throw DataError(
          fmt::format("{}: column '{}' is empty, and inputs depend on the task (input_scale); "
                      "say which task's the row is",
                      table_.place(row), table_.header[static_cast<size_t>(owner_)]));
}

std::vector<size_t> TablePrediction::tasks_of(int64_t row) const {
  std::vector<size_t> out;
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const bool all = owner_ < 0 || cell(row).empty();
    if (all || cell(row) == task_value(tasks_[k])) out.push_back(k);
  }
  return out;
}

void TablePrediction::encode(int64_t row, float* out) const {
  if (text_) {
    alphabet_->encode(text_->text(table_, row), shape_[1], out);
    return;
  }
  const std::vector<size_t> tasks = tasks_of(row);
  const double scale = owner_ < 0 || tasks.empty() ? 1 : tasks_[tasks[0]].input_scale;
  inputs_->encode(table_, row, scale, out);
}

std::vector<std::string> TablePrediction::new_columns() const {
  std::vector<std::string> names = {"predicted.task", "predicted"};
  for (const std::string& slope : slopes_) names.push_back("predicted." + slope);
  if (all_classes_ > 0) names.push_back("predicted.probability");
  for (size_t k = 0; k < tasks_.size(); ++k)
    for (const std::string& name : classes_[k]) names.push_back(tasks_[k].name + ".p." + name);
  return names;
}

std::string TablePrediction::header() const { return line(table_.header, new_columns()); }

std::string TablePrediction::prediction(int64_t row, size_t k, const RowPrediction& output) const {
  const auto& cells = table_.rows[static_cast<size_t>(row)];
  std::vector<std::string> said = {tasks_[k].name};
  const size_t behind = 2 + slopes_.size();
  said.resize(behind + (all_classes_ > 0 ? 1 + all_classes_ : 0));
  if (tasks_[k].kind != TaskKind::regression) {
    said[1] = label_text(learned_, tasks_[k], k, output.value);
    said[behind] = probability_text(tasks_[k], output.value, output.probabilities);
    size_t at = behind + 1;
    for (size_t before = 0; before < k; ++before) at += classes_[before].size();
    for (const double p : output.probabilities) said[at++] = probability_text(p);
    return line(cells, said);
  }
  const LearnedTask& learned = learned_.tasks[k];
  const double t = learned.mean + learned.deviation * output.value.at(0);
  said[1] = number(measured_[k] ? measured_[k]->back(row, t) : t / tasks_[k].scale, row, k,
                   "predicts", t);
  for (size_t s = 0; s < output.slopes.size(); ++s) {
    const double slope = learned.deviation * output.slopes[s];
    const std::string name = parse_slope(tasks_[k].slopes[s], "").label;
    const auto place = std::find(slopes_.begin(), slopes_.end(), name) - slopes_.begin();
    said[2 + static_cast<size_t>(place)] =
        number(measured_[k]->slope_back(row, s, t, slope), row, k, "has a slope of", slope);
  }
  return line(cells, said);
}

/// `value` as text; `said`: what the network said, of which the target made it.
std::string TablePrediction::number(double value, int64_t row, size_t k, const char* what,
                                    double said) const {
  if (!std::isfinite(value))
    throw DataError(fmt::format("{}: task '{}' {} {}, which is no finite number by {}",
                                table_.place(row), tasks_[k].name, what, said,
                                measured_[k] ? tasks_[k].target : "its output"));
  return fmt::format("{:.6g}", value);
}

}  // namespace weft
