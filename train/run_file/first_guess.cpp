// Guesses from cells; see first_guess.h.
#include "train/run_file/first_guess.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/sets/cells.h"
#include "data/sets/label_set.h"
#include "data/sets/table_inputs.h"
#include "train/run_file/run_file.h"

namespace weft {
namespace {

/// So many different words are classes, where each comes twice and more.
constexpr size_t most_words = 100;

std::string said(const std::set<std::string>& words) {
  std::string out;
  int id = 0;
  for (const std::string& word : words) {
    if (id == 8) return out + ", ...";
    std::string plain = word;
    std::replace_if(
        plain.begin(), plain.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }, ' ');
    out += fmt::format("{}{} = {}", id ? ", " : "", plain, id);
    ++id;
  }
  return out;
}

std::string of_rows(size_t labels, size_t rows, const std::string& what) {
  return labels == rows ? fmt::format("{} {}", labels, what)
                        : fmt::format("{} of {} {}", labels, rows, what);
}

}  // namespace

std::string remark_on_classes(const std::map<std::string, size_t>& counts, size_t rows,
                              const std::string& what) {
  size_t all = 0, most = 0;
  for (const auto& [word, count] : counts) all += count, most = std::max(most, count);
  return fmt::format("{}; the most frequent class alone is right in {:.1f} %",
                     of_rows(all, rows, what),
                     100 * static_cast<double>(most) / static_cast<double>(all));
}

std::string remark_on_numbers(const std::vector<double>& values, size_t rows,
                              const std::string& what) {
  const auto [mean, off] = standardisation(values);
  return fmt::format("{}; their mean alone, {:.4g}, is off by {:.4g}",
                     of_rows(values.size(), rows, what), mean, off);
}

std::string class_keys(const std::set<int>& ids) {
  std::string map;
  int next = 0;
  for (int id : ids) map += fmt::format("{}{} = {}", next ? ", " : "", id, next), ++next;
  const int last = *ids.rbegin();
  const std::string mapped = fmt::format("classes = {}\nmap = {{{}}}\n", std::max(next, 2), map);
  if (last == next - 1 && *ids.begin() == 0)
    return fmt::format("classes = {}\n", std::max(next, 2));
  if (last == 255 && ids.size() > 2 && *ids.begin() >= 0) {  // 255 beside small ids: void
    const int largest = *std::prev(ids.end(), 2);
    if (largest >= 64 && ids.size() <= 16) return mapped;
    return fmt::format("classes = {}\nignore = 255\n", largest + 1);
  }
  if (*ids.begin() >= 0 && last < 64) return fmt::format("classes = {}\n", last + 1);
  return mapped;
}

std::string separator_of_sets(const std::vector<std::string>& cells) {
  const std::set<std::string> different(cells.begin(), cells.end());
  for (const std::string separator : {";", "|", ","}) {
    std::map<std::string, size_t> counts, in_different, place_of;
    size_t several = 0, parts = 0;
    bool sound = true, numbers = true, moves = false;  // moves: "New York, NY" names one thing
    for (const std::string& cell : cells) {
      const std::vector<std::string> words = parts_of_cell(cell, separator);
      several += words.size() > 1;
      parts += words.size();
      sound &= std::set<std::string>(words.begin(), words.end()).size() == words.size();
      for (size_t place = 0; place < words.size(); ++place) {
        const std::string& word = words[place];
        moves |= place_of.try_emplace(word, place).first->second != place;
        const auto id = number_of(word);
        numbers &= id.has_value();
        sound &= !id || (*id == std::floor(*id) && *id >= 0 && *id < most_words);
        ++counts[word];
      }
    }
    for (const std::string& cell : different)
      for (const std::string& word : parts_of_cell(cell, separator)) ++in_different[word];
    const bool again = std::any_of(in_different.begin(), in_different.end(),
                                   [](const auto& word) { return word.second > 1; });
    const bool comma = separator == "," && numbers;  // "1,5" is a number
    if (sound && again && moves && !comma && several > 1 && counts.size() > 1 &&
        counts.size() <= most_words && 2 * counts.size() <= parts)
      return separator;
  }
  return "";
}

namespace {

Guess guess_sets(const std::vector<std::string>& cells, const std::string& separator, size_t rows) {
  std::map<std::string, size_t> counts;
  size_t parts = 0, most = 0;
  for (const std::string& cell : cells)
    for (const std::string& word : parts_of_cell(cell, separator)) {
      most = std::max(most, ++counts[word]);
      ++parts;
    }
  std::set<std::string> words;
  double largest = -1;  // of ids
  for (const auto& [word, count] : counts) {
    words.insert(word);
    largest = std::max(largest, number_of(word).value_or(-1));
  }
  const bool ids = std::all_of(words.begin(), words.end(),
                               [](const std::string& word) { return number_of(word).has_value(); });
  Guess guess;
  guess.keys =
      ids ? fmt::format("kind = \"multilabel\"\nclasses = {}\n",
                        std::max<int>(2, static_cast<int>(largest) + 1))
          : fmt::format("kind = \"multilabel\"  # {}\nclasses = {}\n", said(words), words.size());
  if (separator != ";") guess.keys += fmt::format("separator = \"{}\"\n", separator);
  const auto labels = static_cast<double>(cells.size());
  guess.labels =
      fmt::format("{} of {:.1f} classes each; the most frequent one is in {:.1f} %",
                  of_rows(cells.size(), rows, "labels"), static_cast<double>(parts) / labels,
                  100 * static_cast<double>(most) / labels);
  return guess;
}

}  // namespace

Guess guess_cells(const std::vector<std::string>& cells, size_t most, size_t rows) {
  std::set<int> ids;
  std::set<std::string> words;
  std::map<std::string, size_t> counts;
  std::vector<double> values;
  bool whole = true, truths = true;
  for (const std::string& cell : cells) {
    ++counts[cell];
    words.insert(cell);
    const auto value = number_or_truth(cell);
    if (!value) continue;
    truths = truths && !number_of(cell);
    whole = whole && *value == std::floor(*value) && std::abs(*value) < 1e6;
    if (whole) ids.insert(static_cast<int>(*value));
    values.push_back(*value);
  }
  if (cells.empty()) return {"", "is empty", ""};
  std::map<std::string, size_t> numbers;  // 1 and yes are one class
  for (const double v : values) ++numbers[fmt::format("{}", v)];
  const bool all_numbers = values.size() == cells.size();
  if ((all_numbers ? numbers.size() : words.size()) == 1)
    return {"", fmt::format("says '{}' in every row", *words.begin()), ""};
  if (!all_numbers) {
    if (const std::string separator = separator_of_sets(cells); !separator.empty())
      return guess_sets(cells, separator, rows);
    if (words.size() > most_words || 2 * words.size() > cells.size())
      return {"", fmt::format("holds {} different words", words.size()), ""};
    const std::string remark = remark_on_classes(counts, rows);
    if (words.size() == 2)
      return {fmt::format("kind = \"binary\"  # {}\n", said(words)), "", remark};
    return {
        fmt::format("kind = \"classification\"  # {}\nclasses = {}\n", said(words), words.size()),
        "", remark};
  }
  if (truths || ids == std::set<int>{0, 1})
    return {"kind = \"binary\"\n", "", remark_on_classes(numbers, rows)};
  if (!whole || ids.size() > most)
    return {"kind = \"regression\"\n", "", remark_on_numbers(values, rows)};
  return {"kind = \"classification\"\n" + class_keys(ids), "", remark_on_classes(numbers, rows)};
}

std::string plain_text(const std::string& text, const std::string& allowed, char other) {
  std::string name;
  for (const char c : text) {
    if ((c & 0xC0) == 0x80) continue;  // a character's later bytes
    const bool keeps = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       allowed.find(c) != std::string::npos;
    name += keeps ? c : other;
    if (name.size() == 60) break;
  }
  return name;
}

std::string first_task_name(const std::string& column, std::set<std::string>& taken) {
  const std::string stem = plain_text(column, "-_", '_');
  std::string name = names_a_loss(stem) ? stem + "_" : stem;
  for (int number = 2; !taken.insert(name).second; ++number)
    name = fmt::format("{}_{}", stem, number);
  return name;
}

}  // namespace weft
