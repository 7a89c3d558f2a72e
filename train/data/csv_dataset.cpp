// A set of the user's own by a CSV index; see csv_dataset.h.
#include "train/data/csv_dataset.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>

#include "engine/error.h"
#include "train/data/files.h"
#include "train/data/label_decode.h"
#include "train/data/split.h"

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

/// The number a cell holds; nothing where it is none.
std::optional<double> number_of(const std::string& cell) {
  if (cell.empty()) return {};
  char* end = nullptr;
  const double number = std::strtod(cell.c_str(), &end);
  while (*end == ' ') ++end;
  if (*end != '\0') return {};
  return number;
}

/// train, val, test and their usual synonyms.
std::optional<Split> split_of(const std::string& word) {
  const std::string name = lower(word);
  if (name == "train" || name == "training") return Split::train;
  if (name == "val" || name == "valid" || name == "validation" || name == "dev") return Split::val;
  if (name == "test" || name == "testing") return Split::test;
  return {};
}

}  // namespace

CsvDataset::CsvDataset(const DataSpec& data, std::vector<TaskSpec> tasks)
    : tasks_(std::move(tasks)),
      root_(data.root),
      csv_(read_csv(join_path(data.root, data.index))),
      image_(csv_.column(data.image)),
      names_(tasks_.size()) {
  if (csv_.rows.empty()) throw DataError(fmt::format("{}: has no rows", csv_.path));
  for (size_t k = 0; k < tasks_.size(); ++k) {
    columns_.push_back(csv_.column(tasks_[k].column.empty() ? tasks_[k].name : tasks_[k].column));
    read_names(k);
  }
  read_splits(data);
  for (int64_t row = 0; row < size(); ++row) check_row(row);
}

std::string CsvDataset::place(int64_t row) const {
  return fmt::format("{}:{}", csv_.path, csv_.lines[row]);
}

void CsvDataset::read_splits(const DataSpec& data) {
  if (data.split.empty()) {
    std::vector<std::string> keys;
    for (int64_t i = 0; i < size(); ++i) keys.push_back(key(i));
    splits_ = split_by_ratio(keys, data.ratio[0], data.ratio[1]);
    return;
  }
  const int column = csv_.column(data.split);
  for (int64_t row = 0; row < size(); ++row) {
    const std::optional<Split> split = split_of(csv_.rows[row][column]);
    if (!split) {
      throw DataError(fmt::format("{}: column '{}' says '{}'; expected train, val or test",
                                  place(row), data.split, csv_.rows[row][column]));
    }
    splits_.push_back(*split);
  }
}

void CsvDataset::read_names(size_t k) {
  const TaskSpec& task = tasks_[k];
  if (task.kind != TaskKind::classification && task.kind != TaskKind::binary) return;
  std::set<std::string> names;
  bool numbers = true;
  for (const auto& row : csv_.rows) {
    const std::string& cell = row[columns_[k]];
    if (cell.empty()) continue;
    names.insert(cell);
    const bool truth = task.kind == TaskKind::binary && truth_of(cell);
    numbers &= truth || number_of(cell).has_value();
  }
  if (numbers) return;
  const size_t classes = task.kind == TaskKind::binary ? 2 : task.classes;
  if (names.size() > classes) {
    throw DataError(fmt::format("{}: column '{}' names {} classes, but task '{}' has {}", csv_.path,
                                csv_.header[columns_[k]], names.size(), task.name, classes));
  }
  names_[k].assign(names.begin(), names.end());
}

void CsvDataset::check_row(int64_t row) const {
  const auto check_file = [&](int column) {
    const std::string path = join_path(root_, csv_.rows[row][column]);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return;
    throw DataError(
        fmt::format("{}: column '{}': there is no file {}", place(row), csv_.header[column], path));
  };
  if (csv_.rows[row][image_].empty()) {
    throw DataError(fmt::format("{}: column '{}' is empty", place(row), csv_.header[image_]));
  }
  check_file(image_);
  for (size_t k = 0; k < tasks_.size(); ++k) {
    if (csv_.rows[row][columns_[k]].empty()) continue;
    if (tasks_[k].image_label()) {
      image_label(row, k);
    } else {
      check_file(columns_[k]);
    }
  }
}

Picture CsvDataset::image_label(int64_t row, size_t k) const {
  const std::string& cell = csv_.rows[row][columns_[k]];
  const TaskSpec& task = tasks_[k];
  if (!names_[k].empty()) {
    const auto it = std::lower_bound(names_[k].begin(), names_[k].end(), cell);
    return scalar_picture(static_cast<float>(it - names_[k].begin()));
  }
  std::optional<double> number = number_of(cell);
  if (!number && task.kind == TaskKind::binary) number = truth_of(cell);
  if (!number) {
    throw DataError(fmt::format("{}: column '{}': '{}' is no number", place(row),
                                csv_.header[columns_[k]], cell));
  }
  if (task.invalid && *number == *task.invalid) return scalar_picture(invalid_pixel);
  if (task.kind == TaskKind::regression) {
    return scalar_picture(static_cast<float>(*number * task.scale));
  }
  return scalar_picture(decode_class(*number, task, place(row)));
}

Sample CsvDataset::load(int64_t index) const {
  const std::vector<std::string>& row = csv_.rows[index];
  Sample sample{read_image(join_path(root_, row[image_])), {}};
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const std::string& cell = row[columns_[k]];
    if (cell.empty()) {
      sample.labels.emplace_back();
    } else if (tasks_[k].image_label()) {
      sample.labels.push_back(image_label(index, k));
    } else {
      const std::string path = join_path(root_, cell);
      const int bits = tasks_[k].kind == TaskKind::normals ? picture_info(path).bits : 8;
      sample.labels.push_back(decode_label(read_values(path), tasks_[k], bits, path));
    }
  }
  return sample;
}

}  // namespace weft
