// What the cells of a CSV say; see cells.h.
#include "train/data/cells.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>

#include "engine/error.h"
#include "train/data/label_decode.h"

namespace weft {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::optional<double> truth_of(const std::string& cell) {
  const std::string word = lower(cell);
  if (word == "true" || word == "yes") return 1;
  if (word == "false" || word == "no") return 0;
  return {};
}

}  // namespace

std::string_view trimmed(std::string_view cell) {
  const size_t first = cell.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
}

std::optional<double> number_of(const std::string& cell) {
  if (cell.empty()) return {};
  char* end = nullptr;
  const double number = std::strtod(cell.c_str(), &end);
  while (*end == ' ') ++end;
  if (*end != '\0') return {};
  return number;
}

Split split_of(const std::string& cell, const std::string& place, const std::string& column) {
  const std::string name = lower(cell);
  if (name == "train" || name == "training") return Split::train;
  if (name == "val" || name == "valid" || name == "validation" || name == "dev") return Split::val;
  if (name == "test" || name == "testing") return Split::test;
  throw DataError(
      fmt::format("{}: column '{}' says '{}'; expected train, val or test", place, column, cell));
}

std::vector<std::string> names_of_classes(const std::vector<std::vector<std::string>>& rows,
                                          int column, const std::string& column_name,
                                          const TaskSpec& task, const std::string& path) {
  const bool binary = task.kind == TaskKind::binary;
  if ((task.kind != TaskKind::classification && !binary) || !task.words.empty()) return {};
  std::set<std::string> names;
  bool numbers = true;
  for (const auto& row : rows) {
    const std::string& cell = row[static_cast<size_t>(column)];
    if (cell.empty()) continue;
    names.insert(cell);
    numbers &= (binary && truth_of(cell)) || number_of(cell).has_value();
  }
  if (numbers) return {};
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
    const auto it = std::lower_bound(names.begin(), names.end(), cell);
    return static_cast<float>(it - names.begin());
  }
  std::optional<double> number = number_of(cell);
  if (!number && task.kind == TaskKind::binary) number = truth_of(cell);
  if (!number)
    throw DataError(fmt::format("{}: column '{}': '{}' is {}", place, column, cell,
                                task.words.empty() ? "no number" : "none of the words in map"));
  if (task.invalid && *number == *task.invalid) return invalid_pixel;
  if (task.kind == TaskKind::regression) return static_cast<float>(*number * task.scale);
  return decode_class(*number, task, place);
}

}  // namespace weft
