// What the cells of a CSV say; see cells.h.
#include "train/data/cells.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>
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

/// Digits with a sign, a point and an exponent where there are some: no hexadecimal, no separators
/// of thousands, neither "inf" nor "nan".
bool is_decimal(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  const auto one_of = [&](std::string_view wanted) {
    const bool found = at < text.size() && wanted.find(text[at]) != std::string_view::npos;
    at += found;
    return found;
  };
  one_of("+-");
  size_t mantissa = digits();
  if (one_of(".")) mantissa += digits();
  if (mantissa == 0) return false;
  if (one_of("eE")) {
    one_of("+-");
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// "nan", "-inf" and the like, as programs write them.
bool says_not_finite(const std::string& cell) {
  std::string word = lower(cell);
  if (!word.empty() && (word[0] == '-' || word[0] == '+')) word.erase(0, 1);
  return word == "nan" || word == "inf" || word == "infinity";
}

}  // namespace

std::string_view trimmed(std::string_view cell) {
  const size_t first = cell.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
}

std::optional<double> number_of(const std::string& cell) {
  if (!is_decimal(cell)) return {};
  const double number = std::strtod(cell.c_str(), nullptr);
  if (std::abs(number) > std::numeric_limits<float>::max()) return {};
  return number;
}

std::optional<double> number_or_truth(const std::string& cell) {
  const std::optional<double> number = number_of(cell);
  return number ? number : truth_of(cell);
}

std::string no_number(const std::string& cell) {
  if (is_decimal(cell)) return fmt::format("'{}' is a number that no float holds", cell);
  if (says_not_finite(cell)) return fmt::format("'{}' is no finite number", cell);
  std::string point = cell;
  std::replace(point.begin(), point.end(), ',', '.');
  if (point != cell && is_decimal(point))
    return fmt::format("'{}' has a decimal comma; write {}", cell, point);
  return fmt::format("'{}' is no number", cell);
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
  bool all_numbers = true, any_number = false;
  std::string odd;  // a number that is none is no class among numbers
  for (const auto& row : rows) {
    const std::string& cell = row[static_cast<size_t>(column)];
    if (cell.empty()) continue;
    names.insert(cell);
    const bool number = (binary ? number_or_truth(cell) : number_of(cell)).has_value();
    all_numbers &= number;
    any_number |= number;
    if (says_not_finite(cell) || (is_decimal(cell) && !number)) odd = cell;
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
