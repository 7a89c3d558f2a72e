// What the cells of a CSV say; see cells.h.
#include "data/sets/cells.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include "data/sets/label_decode.h"
#include "data/sets/label_set.h"
#include "engine/error.h"

namespace weft {
namespace {

std::optional<double> truth_of(const std::string& cell) {
  const std::string word = lower(cell);
  if (word == "true" || word == "yes") return 1;
  if (word == "false" || word == "no") return 0;
  return {};
}

}  // namespace

std::optional<double> number_or_truth(const std::string& cell) {
  const std::optional<double> number = number_of(cell);
  return number ? number : truth_of(cell);
}

Split split_of(const std::string& cell, const std::string& place, const std::string& column) {
  const std::string name = lower(cell);
  if (name == "train" || name == "training") return Split::train;
  if (name == "val" || name == "valid" || name == "validation" || name == "dev") return Split::val;
  if (name == "test" || name == "testing") return Split::test;
  throw DataError(
      fmt::format("{}: column '{}' says '{}'; expected train, val or test", place, column, cell));
}

const std::string& task_value(const TaskSpec& task) {
  return task.rows.empty() ? task.name : task.rows;
}

int owner_of(const std::string& cell, const std::vector<TaskSpec>& tasks, const std::string& place,
             const std::string& column) {
  if (cell.empty()) return -1;
  for (size_t k = 0; k < tasks.size(); ++k)
    if (task_value(tasks[k]) == cell) return static_cast<int>(k);
  throw DataError(
      fmt::format("{}: column '{}' says '{}', which is neither the name nor the `rows` of a task",
                  place, column, cell));
}

std::vector<std::string> names_of_classes(const std::vector<std::vector<std::string>>& rows,
                                          int column, const std::string& column_name,
                                          const TaskSpec& task, const std::string& path) {
  const bool binary = task.kind == TaskKind::binary, sets = task.kind == TaskKind::multilabel;
  if ((task.kind != TaskKind::classification && !binary && !sets) || !task.words.empty()) return {};
  std::set<std::string> names;
  bool all_numbers = true, any_number = false;
  std::string odd;  // a number that is none is no class among numbers
  const auto see = [&](const std::string& cell) {
    if (cell.empty()) return;
    names.insert(cell);
    const bool number = (binary ? number_or_truth(cell) : number_of(cell)).has_value();
    all_numbers &= number;
    any_number |= number;
    if (!number && is_odd_number(cell)) odd = cell;
  };
  for (const auto& row : rows) {
    const std::string& cell = row[static_cast<size_t>(column)];
    if (!sets) see(cell);
    if (sets)
      for (const std::string& part : parts_of_cell(cell, task.separator)) see(part);
  }
  // label_of_cell names the line of what is no number.
  if (all_numbers || (any_number && !odd.empty())) return {};
  if (!odd.empty())
    throw DataError(
        fmt::format("{}: column '{}': '{}' is no class; leave the cell empty where there "
                    "is no label, or say in map which class it is",
                    path, column_name, odd));
  if (!task.names.empty()) return task.names;
  const size_t classes = binary ? 2 : static_cast<size_t>(task.classes);
  if (names.size() > classes)
    throw DataError(fmt::format("{}: column '{}' names {} classes, but task '{}' has {}", path,
                                column_name, names.size(), task.name, classes));
  return {names.begin(), names.end()};
}

float label_of_cell(const std::string& cell, const std::vector<std::string>& names,
                    const TaskSpec& task, const std::string& place, const std::string& column) {
  if (const auto word = task.words.find(cell); word != task.words.end())
    return task.ignore == word->second ? invalid_pixel : static_cast<float>(word->second);
  if (!names.empty()) {
    const auto it = std::find(names.begin(), names.end(), cell);
    if (it == names.end())
      throw DataError(
          fmt::format("{}: column '{}': '{}' is not among the {} classes of task '{}': {}", place,
                      column, cell, names.size(), task.name, fmt::join(names, ", ")));
    return static_cast<float>(it - names.begin());
  }
  const bool truths = task.kind == TaskKind::binary || task.kind == TaskKind::regression;
  const std::optional<double> number = truths ? number_or_truth(cell) : number_of(cell);
  if (!number)
    throw DataError(fmt::format("{}: column '{}': {}", place, column,
                                task.words.empty()
                                    ? no_number(cell)
                                    : fmt::format("'{}' is none of the words in map", cell)));
  if (task.invalid && *number == *task.invalid) return invalid_pixel;
  if (task.kind != TaskKind::regression)
    return decode_class(*number, task, fmt::format("{}: column '{}'", place, column));
  const double value = *number * task.scale;
  if (std::abs(value) <= std::numeric_limits<float>::max()) return static_cast<float>(value);
  throw DataError(
      fmt::format("{}: column '{}': '{}' times the scale {} is a number that no float "
                  "holds",
                  place, column, cell, task.scale));
}

}  // namespace weft
