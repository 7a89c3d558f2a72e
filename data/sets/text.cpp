// Texts as a set of samples; see text.h.
#include "data/sets/text.h"

#include <algorithm>
#include <cmath>

#include "data/sets/cells.h"
#include "data/sets/label_set.h"
#include "engine/error.h"
#include "engine/philox.h"

namespace weft {
namespace {

std::string percent(int64_t part, int64_t of) {
  return fmt::format("{:.1f} %",
                     of == 0 ? 0.0 : 100 * static_cast<double>(part) / static_cast<double>(of));
}

/// \n becomes a line end, \" a quote; any other backslash stays.
std::string unescaped(const std::string& cell) {
  std::string text;
  for (size_t i = 0; i < cell.size(); ++i) {
    const char next = i + 1 < cell.size() ? cell[i + 1] : ' ';
    const bool escape = cell[i] == '\\' && (next == 'n' || next == '"');
    if (escape) ++i;
    text += !escape ? cell[i] : next == 'n' ? '\n' : '"';
  }
  return text;
}

}  // namespace

DataSpec with_own_columns(const DataSpec& data, const TaskSpec& task) {
  DataSpec own = data;
  if (!task.header.empty()) own.header = task.header;
  if (!task.columns.empty()) own.columns = task.columns;
  return own;
}

DataSpec one_reading(const DataSpec& data, const std::vector<TaskSpec>& tasks) {
  if (tasks.empty()) return data;
  DataSpec first = with_own_columns(data, tasks[0]);
  for (const TaskSpec& task : tasks) {
    const DataSpec own = with_own_columns(data, task);
    if (own.header != first.header || own.columns != first.columns)
      throw ConfigError(fmt::format(
          "tasks name and join columns of their own (task.columns, task.header): {} \"{}\", {} "
          "\"{}\"{}; a file has one way, so ask for tasks that are read alike: --task {}",
          tasks[0].name, fmt::join(first.columns, "\", \""), task.name,
          fmt::join(own.columns, "\", \""),
          own.columns == first.columns ? " under other names" : "", tasks[0].name));
  }
  return first;
}

TextInputs::TextInputs(const Table& table, const DataSpec& data) : escapes_(data.escapes) {
  for (const std::string& name : data.columns) columns_.push_back(table.column(name));
}

std::string TextInputs::text(const Table& table, int64_t row) const {
  std::string text;
  for (const int column : columns_) {
    const std::string& cell = table.rows[static_cast<size_t>(row)][static_cast<size_t>(column)];
    if (cell.empty()) continue;
    text += (text.empty() ? "" : " ") + (escapes_ ? unescaped(cell) : cell);
  }
  if (!text.empty()) return text;
  std::vector<std::string> names;
  for (const int column : columns_) names.push_back(table.header[static_cast<size_t>(column)]);
  throw DataError(fmt::format("{}: column '{}' is empty: there is no text in this row",
                              table.place(row), fmt::join(names, "', '")));
}

TextDataset::TextDataset(const DataSpec& data, std::vector<TaskSpec> tasks,
                         const LearnedFromData* learned)
    : tasks_(std::move(tasks)),
      alphabet_(data.alphabet),
      length_(data.length),
      by_column_(!data.task_column.empty()),
      words_(tasks_.size()) {
  for (const TaskSpec& task : tasks_)
    label_begin_.push_back(label_begin_.back() + static_cast<size_t>(task.label_channels()));
  if (tasks_[0].index.empty()) {
    read_file(data, -1, learned);
    return;
  }
  for (size_t k = 0; k < tasks_.size(); ++k) {
    DataSpec own = with_own_columns(data, tasks_[k]);
    own.index = tasks_[k].index;
    own.test_index = tasks_[k].test_index;
    read_file(own, static_cast<int>(k), learned);
  }
}

void TextDataset::read_file(const DataSpec& data, int owner, const LearnedFromData* learned) {
  /// A key of [data] that the task of the file may say itself.
  const auto key = [&](const char* word) {
    const std::string of_data = std::string("data.") + word;
    if (owner < 0) return of_data;
    return fmt::format("{} or task.{}.{}", of_data, tasks_[static_cast<size_t>(owner)].name, word);
  };
  const Table table = read_table(data, {key("header")});
  const TextInputs inputs(table, data);
  std::vector<int> columns(tasks_.size(), -1);
  for (size_t k = 0; k < tasks_.size(); ++k) {
    if (owner >= 0 && owner != static_cast<int>(k)) continue;
    const std::string& name = tasks_[k].column.empty() ? tasks_[k].name : tasks_[k].column;
    columns[k] = table.column(name);
    words_[k] = learned != nullptr
                    ? learned->tasks.at(k).words
                    : names_of_classes(table.rows, columns[k], name, tasks_[k], table.index);
  }
  const int owner_column = data.task_column.empty() ? -1 : table.column(data.task_column);
  const int split_column = data.split.empty() ? -1 : table.column(data.split);
  for (const std::string& name : data.columns) {
    const int column = table.column(name);
    if (column == owner_column || column == split_column ||
        std::find(columns.begin(), columns.end(), column) != columns.end())
      throw ConfigError(
          fmt::format("{}: '{}' is a label, data.split or data.task_column, and no text",
                      key("columns"), name));
  }
  const std::vector<Split> splits = splits_of(table, data);
  const size_t first = keys_.size();
  for (int64_t row = 0; row < static_cast<int64_t>(table.rows.size()); ++row) {
    const auto& cells = table.rows[static_cast<size_t>(row)];
    const std::string place = table.place(row);
    int task = owner;
    if (owner_column >= 0)
      task = owner_of(cells[static_cast<size_t>(owner_column)], tasks_, place, data.task_column);
    for (size_t k = 0; k < tasks_.size(); ++k) {
      const bool mine = columns[k] >= 0 && (task < 0 || task == static_cast<int>(k));
      const std::string cell = mine ? cells[static_cast<size_t>(columns[k])] : "";
      std::vector<float> label(static_cast<size_t>(tasks_[k].label_channels()));
      write_label(cell, words_[k], tasks_[k], place,
                  mine ? table.header[static_cast<size_t>(columns[k])] : "", label.data());
      labels_.insert(labels_.end(), label.begin(), label.end());
    }
    texts_.push_back(inputs.text(table, row));
    owners_.push_back(task);
    keys_.push_back(place);
  }
  splits_.insert(splits_.end(), splits.begin(), splits.end());
  note_counts(data.test_index.empty() ? data.index : data.index + " and " + data.test_index, first);
}

void TextDataset::note_counts(const std::string& file, size_t first) {
  std::vector<float> ids(static_cast<size_t>(length_));
  int64_t longer = 0, characters = 0, read = 0, unknown = 0;
  const auto texts = static_cast<int64_t>(texts_.size() - first);
  for (size_t i = first; i < texts_.size(); ++i) {
    const Alphabet::Counts counts = alphabet_.encode(texts_[i], length_, ids.data());
    longer += counts.characters > length_;
    characters += counts.characters;
    read += std::min<int64_t>(counts.characters, length_);
    unknown += counts.unknown;
  }
  notes_.push_back(fmt::format(
      "{}: {} texts of {:.0f} {} in the mean, {} are read: {} of the texts are longer ({} of all "
      "{} are cut off), {} of the {} read are not in the alphabet, {} of the places are padding",
      file, texts, static_cast<double>(characters) / static_cast<double>(texts), alphabet_.unit(),
      length_, percent(longer, texts), percent(characters - read, characters), alphabet_.unit(),
      percent(unknown, read), alphabet_.unit(), percent(texts * length_ - read, texts * length_)));
}

bool TextDataset::labelled(int64_t index, size_t task) const {
  return !std::isnan(label(index, task)[0]);
}

std::optional<int64_t> TextDataset::class_of(int64_t index, size_t task) const {
  if (!tasks_[task].one_class() || !labelled(index, task)) return std::nullopt;
  return static_cast<int64_t>(label(index, task)[0]);
}

LearnedFromData TextDataset::learned() const {
  LearnedFromData learned;
  for (size_t k = 0; k < tasks_.size(); ++k) learned.tasks.push_back({tasks_[k].name, words_[k]});
  if (!by_column_) return learned;
  for (const TaskSpec& task : tasks_) learned.task_values.push_back(task_value(task));
  return learned;
}

SampleContents TextDataset::contents(int64_t index) const {
  const auto* first = reinterpret_cast<const char*>(label(index, 0));
  return {{},
          {},
          hash_name(texts_[static_cast<size_t>(index)]),
          hash_name({first, label_begin_.back() * sizeof(float)})};
}

Sample TextDataset::load(int64_t index) const {
  Sample sample{Picture(1, length_, 1), {}};
  alphabet_.encode(texts_[static_cast<size_t>(index)], length_, sample.image.pixels.data());
  for (size_t k = 0; k < tasks_.size(); ++k) {
    sample.labels.emplace_back();
    if (!labelled(index, k)) continue;
    sample.labels.back() = Picture(1, 1, tasks_[k].label_channels());
    std::copy_n(label(index, k), tasks_[k].label_channels(), sample.labels.back().pixels.begin());
  }
  return sample;
}

}  // namespace weft
