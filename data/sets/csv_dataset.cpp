// A set of the user's own by a CSV index; see csv_dataset.h.
#include "data/sets/csv_dataset.h"

#include <cmath>
#include <filesystem>

#include "data/sets/cells.h"
#include "data/sets/label_decode.h"
#include "data/sets/label_set.h"
#include "data/split.h"
#include "engine/error.h"
#include "engine/philox.h"
#include "io/files.h"

namespace weft {
CsvDataset::CsvDataset(const DataSpec& data, std::vector<TaskSpec> tasks,
                       const LearnedFromData* learned)
    : tasks_(std::move(tasks)),
      root_(data.root),
      format_(picture_format(data)),
      csv_(read_csv(join_path(data.root, data.index), {{}, "", data.separator})),
      image_(csv_.column(data.image)),
      names_(tasks_.size()) {
  if (csv_.rows.empty()) throw DataError(fmt::format("{}: has no rows", csv_.path));
  for (size_t k = 0; k < tasks_.size(); ++k) {
    columns_.push_back(csv_.column(tasks_[k].column.empty() ? tasks_[k].name : tasks_[k].column));
    names_[k] = learned != nullptr
                    ? learned->tasks.at(k).words
                    : names_of_classes(csv_.rows, columns_[k], csv_.header[columns_[k]], tasks_[k],
                                       csv_.path);
  }
  read_splits(data);
  read_owners(data);
  for (int64_t row = 0; row < size(); ++row) check_row(row, learned == nullptr);
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
  for (int64_t row = 0; row < size(); ++row)
    splits_.push_back(split_of(csv_.rows[row][column], place(row), data.split));
}

void CsvDataset::read_owners(const DataSpec& data) {
  if (data.task_column.empty()) return;
  const int column = csv_.column(data.task_column);
  for (int64_t row = 0; row < size(); ++row)
    owners_.push_back(owner_of(csv_.rows[row][column], tasks_, place(row), data.task_column));
}

void CsvDataset::check_row(int64_t row, bool check_files) const {
  const auto check_file = [&](int column) {
    if (!check_files) return;
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
    if (!labelled(row, k)) continue;
    if (tasks_[k].image_label()) {
      image_label(row, k);
    } else {
      check_file(columns_[k]);
    }
  }
}

bool CsvDataset::labelled(int64_t index, size_t task) const {
  return Dataset::labelled(index, task) && !csv_.rows[index][columns_[task]].empty();
}

std::optional<int64_t> CsvDataset::class_of(int64_t index, size_t task) const {
  if (!tasks_[task].one_class() || !labelled(index, task)) return std::nullopt;
  const float label = image_label(index, task).pixels[0];
  return std::isnan(label) ? std::nullopt : std::optional(static_cast<int64_t>(label));
}

LearnedFromData CsvDataset::learned() const {
  LearnedFromData learned;
  for (size_t k = 0; k < tasks_.size(); ++k) learned.tasks.push_back({tasks_[k].name, names_[k]});
  return learned;
}

SampleContents CsvDataset::contents(int64_t index) const {
  const std::vector<std::string>& row = csv_.rows[index];
  SampleContents out{{join_path(root_, row[image_])}, {}};
  for (size_t k = 0; k < tasks_.size(); ++k) {
    if (!labelled(index, k)) continue;
    const std::string& cell = row[columns_[k]];
    out.labels = hash_name(fmt::format("{:x} {} {}", out.labels, k, cell));
    if (!tasks_[k].image_label()) out.label_files.push_back(join_path(root_, cell));
  }
  return out;
}

Picture CsvDataset::image_label(int64_t row, size_t k) const {
  const int column = columns_[k];
  Picture label(1, 1, tasks_[k].label_channels());
  write_label(csv_.rows[row][column], names_[k], tasks_[k], place(row), csv_.header[column],
              label.pixels.data());
  return label;
}

Sample CsvDataset::load(int64_t index) const {
  const std::vector<std::string>& row = csv_.rows[index];
  const std::string image = join_path(root_, row[image_]);
  Sample sample{read_image(image, format_), {}};
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const std::string& cell = row[columns_[k]];
    if (!labelled(index, k)) {
      sample.labels.emplace_back();
    } else if (tasks_[k].image_label()) {
      sample.labels.push_back(image_label(index, k));
    } else {
      const std::string path = join_path(root_, cell);
      LabelFile file = read_label(path, tasks_[k], format_);
      check_label_size(sample.image, image, file.values, path);
      sample.labels.push_back(decode_label(std::move(file.values), tasks_[k], file.bits, path));
    }
  }
  return sample;
}

}  // namespace weft
