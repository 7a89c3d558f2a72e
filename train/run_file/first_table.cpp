// Column by column: numbers, categories, texts, what is left out; then the tasks.
#include "train/run_file/first_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <set>

#include "data/sets/cells.h"
#include "engine/error.h"
#include "train/run_file/first_guess.h"
#include "train/run_file/first_text.h"
#include "train/run_file/toml/values.h"

namespace weft {
namespace {

constexpr size_t most_ids = 12;  ///< whole numbers that are classes; more are a quantity
constexpr size_t most_ids_of_texts = 100;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

const std::set<std::string> absent{"?",    "na",  "n/a", "nan", "null", "none",
                                   "#n/a", "nil", "-",   "--",  ".",    "missing"};

/// The words that say "missing" among a column's numbers, as they are written.
void add_missing(const std::vector<std::string>& cells, std::set<std::string>& missing) {
  std::set<std::string> words;
  size_t numbers = 0;
  for (const std::string& cell : cells)
    if (number_or_truth(cell))
      ++numbers;
    else
      words.insert(cell);
  const bool all_absent = std::all_of(words.begin(), words.end(), [](const std::string& word) {
    return absent.count(lower(word)) > 0;
  });
  if (numbers > 0 && all_absent) missing.insert(words.begin(), words.end());
  if (words.count("?") > 0) missing.insert("?");
}

/// Those among a label's words that name no class; others of `absent` might: "none", "missing".
void add_missing_label(const std::vector<std::string>& cells, std::set<std::string>& missing) {
  for (const std::string& cell : cells)
    if (const std::string word = lower(cell);
        word == "na" || word == "n/a" || word == "nan" || word == "null")
      missing.insert(cell);
}

struct Column {
  enum Kind { number, category, sets, text, left_out } kind = number;
  std::string why;
  bool of_sets = false;       ///< a category too, where few sets come again and again
  bool numbers_rows = false;  ///< a whole number of its own in every row, as a key has
};

/// 1, 2, 3, ... (or from 0) as the rows go.
bool counts_rows(const std::vector<std::string>& cells) {
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto value = number_of(cells[i]);
    if (!value || *value != *number_of(cells[0]) + static_cast<double>(i)) return false;
  }
  return cells.size() > 2;
}

Column column_of(const std::vector<std::string>& cells) {
  if (cells.empty()) return {Column::left_out, "is empty"};
  const std::set<std::string> different(cells.begin(), cells.end());
  if (different.size() == 1) return {Column::left_out, "is the same in all rows"};
  if (counts_rows(cells)) return {Column::left_out, "counts the rows"};
  const bool numbers = std::all_of(cells.begin(), cells.end(), [](const std::string& cell) {
    return number_or_truth(cell).has_value();
  });
  if (numbers) {
    const bool whole = std::all_of(cells.begin(), cells.end(), [](const std::string& cell) {
      return cell.find_first_not_of("0123456789") == cell.npos;
    });
    return {Column::number, "", false, whole && different.size() == cells.size()};
  }
  const bool sets = !separator_of_sets(cells).empty();
  if (different.size() <= 100 && 2 * different.size() <= cells.size())
    return {Column::category, "", sets};
  if (sets) return {Column::sets, "holds sets of classes", sets};
  if (is_free_text(cells)) return {Column::text, "is text, and the others are a table"};
  return {Column::left_out, fmt::format("holds {} different words", different.size())};
}

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + toml_string(name);
  return "[" + out + "]";
}

/// Columns whose names say that they are what is to be learned, wherever they stand.
bool sounds_like_label(const std::string& title) {
  static const std::set<std::string> words{"label",   "labels",  "target",   "targets", "class",
                                           "classes", "outcome", "outcomes", "y"};
  const std::string name = lower(title);
  return words.count(name) > 0 || name.starts_with("target_") || name.starts_with("label_");
}

/// "SalePrice", "units sold", "net_income": names that end in a word for what comes out at last. Such
/// a column may be an input as well, so it counts only among the last ones.
bool sounds_like_result(const std::string& title) {
  static const std::set<std::string> words{
      "price",     "rent",      "cost",    "sold",      "sale",    "sales",    "income",
      "salary",    "wage",      "revenue", "profit",    "churn",   "churned",  "default",
      "fraud",     "survived",  "died",    "death",     "disease", "species",  "diagnosis",
      "prognosis", "quality",   "grade",   "score",     "rating",  "yield",    "demand",
      "result",    "response",  "output",  "sentiment", "status",  "approved", "clicked",
      "purchased", "converted", "risk"};
  size_t begin = title.size();
  const auto is = [](char c, int (*kind)(int)) { return kind(static_cast<unsigned char>(c)) != 0; };
  while (begin > 0 && is(title[begin - 1], std::isalpha)) {
    --begin;
    if (begin > 0 && is(title[begin], std::isupper) && is(title[begin - 1], std::islower)) break;
  }
  return words.count(lower(title.substr(begin))) > 0;
}

class FirstTable {
 public:
  explicit FirstTable(const Csv& csv) : csv_(csv) {
    for (size_t c = 0; c < csv.header.size(); ++c) add_missing(filled(c), missing_);
    for (size_t c = 0; c < csv.header.size(); ++c) split_ |= csv.header[c] == "split";
    sort_columns();
  }

  FirstRunFile file(const std::string& name, const std::vector<std::string>& named) {
    const std::vector<size_t> labels = tasks(named);
    for (const size_t c : labels) add_missing_label(filled(c), missing_);
    sort_columns();  // data.missing is of all of them
    FirstRunFile out;
    if (named.empty())
      out.why_tasks =
          "columns called label, target, class or the like, or else those that hold sets of "
          "classes "
          "and the last ones with names of results, or else the last";
    const std::vector<size_t> texts = texts_beside(labels);
    std::string text_of_tasks;
    std::set<std::string> names;
    for (const size_t c : labels) {
      Guess guess =
          guess_cells(filled(c), texts.empty() ? most_ids : most_ids_of_texts, csv_.rows.size());
      if (!guess.no_task.empty())
        throw DataError(fmt::format("{}: column '{}' {}, and is no label", csv_.path,
                                    csv_.header[c], guess.no_task));
      if (guess.keys == "kind = \"regression\"\n") guess.keys += "standardize = true\n";
      out.remarks.push_back(guess.labels);
      text_of_tasks += fmt::format("\n[[task]]\n# {}\nname = \"{}\"\ncolumn = {}\n{}", guess.labels,
                                   first_task_name(csv_.header[c], names),
                                   toml_string(csv_.header[c]), guess.keys);
    }
    const Parts parts = texts.empty() ? table_parts(labels, out) : text_parts(labels, texts, out);
    out.text = fmt::format(
        "# A first run file, guessed from {}: check {} and what is left out.\n"
        "name = {}\nseed = 1\nsharing = \"{}\"\n\n{}\n[data]\nkind = \"{}\"\n{}",
        toml_string(csv_.path), texts.empty() ? "tasks, categories" : "tasks, texts",
        toml_string(name), labels.size() > 1 ? "adashare" : "hard", parts.model,
        texts.empty() ? "tabular" : "text", root_and_index(csv_.path));
    out.text += split_ ? "split = \"split\"\n" : "ratio = [0.15, 0.15]\n";
    if (!missing_.empty())
      out.text += fmt::format("missing = {}\n", list({missing_.begin(), missing_.end()}));
    out.text += parts.input + text_of_tasks + parts.schedule;
    return out;
  }

 private:
  void sort_columns() {
    columns_.clear();
    for (size_t c = 0; c < csv_.header.size(); ++c) columns_.push_back(column_of(filled(c)));
  }

  /// What differs between a table and texts: [model], the inputs of [data], how long it learns.
  using Parts = FirstText;

  Parts table_parts(const std::vector<size_t>& labels, FirstRunFile& said) const {
    Parts out;
    out.model = "[model]\ntrunk = \"mlp\"\nhidden = 64\nblocks = 3\n";
    const size_t rows = csv_.rows.size(), batch = std::clamp<size_t>(rows / 16, 4, 128);
    out.input = keys_of_columns(labels, said) + fmt::format("batch = {}\n", batch);
    if (labels.size() > 1)
      out.schedule =
          "\n[warmup]\nsteps = 500\noptimizer = { lr = 2e-3, betas = [0.9, 0.999] }\n"
          "\n[policy]\nsteps = 600\noptimizer = { lr = 0.01 }\nlogits = { lr = 0.02 }\n"
          "weight_steps = 20\nlogit_steps = 5\ncurriculum_speed = 2\nsparsity = 0.01\n"
          "sharing = 0.01\n";
    // 30 times over the rows: of few the network soon knows every one by heart.
    const size_t steps = std::clamp<size_t>(30 * rows / batch, 100, 3000);
    out.schedule += fmt::format("\n[retrain]\nsteps = {}\n", steps);
    if (labels.size() < 2) out.schedule += "optimizer = { lr = 2e-3, betas = [0.9, 0.999] }\n";
    out.schedule +=
        fmt::format("schedule = {{ kind = \"cosine\" }}\n\n[eval]\nevery = {}\n", steps / 20);
    return out;
  }

  Parts text_parts(const std::vector<size_t>& labels, const std::vector<size_t>& columns,
                   FirstRunFile& said) const {
    std::string why;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const bool text = has(columns, c);
      if (text) said.inputs.push_back(csv_.header[c]);
      if (text || has(labels, c) || csv_.header[c] == "split") continue;
      said.left_out.push_back(csv_.header[c]);
      why += fmt::format("# column {} is neither text nor a label: left out\n",
                         toml_string(csv_.header[c]));
    }
    std::vector<std::string> texts;
    for (size_t row = 0; row < csv_.rows.size(); ++row) {
      std::string& text = texts.emplace_back();
      for (const size_t c : columns)
        if (const std::string& cell = csv_.rows[row][c]; missing_.count(cell) == 0 && !cell.empty())
          text += (text.empty() ? "" : " ") + cell;
      if (text.empty())
        throw DataError(fmt::format("{}:{}: there is no text in this row ({}): take it out",
                                    csv_.path, csv_.lines[row], fmt::join(said.inputs, ", ")));
    }
    Parts out = first_text(texts, said.inputs, labels.size());
    out.input = why + out.input;
    return out;
  }

  static bool has(const std::vector<size_t>& columns, size_t c) {
    return std::find(columns.begin(), columns.end(), c) != columns.end();
  }

  /// Columns of texts, where nothing else beside the labels is an input; a key is none.
  std::vector<size_t> texts_beside(const std::vector<size_t>& labels) const {
    std::vector<size_t> texts;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (has(labels, c) || csv_.header[c] == "split") continue;
      if (columns_[c].kind == Column::text) texts.push_back(c);
      if (is_input(c) && !columns_[c].numbers_rows) return {};
    }
    return texts;
  }

  std::vector<std::string> filled(size_t column) const {
    std::vector<std::string> out;
    for (const auto& row : csv_.rows)
      if (!row[column].empty() && missing_.count(row[column]) == 0) out.push_back(row[column]);
    return out;
  }

  bool is_input(size_t c) const { return may_be_label(c) && columns_[c].kind != Column::sets; }
  bool may_be_label(size_t c) const {
    return csv_.header[c] != "split" && columns_[c].kind != Column::left_out &&
           columns_[c].kind != Column::text;
  }

  std::vector<size_t> tasks(const std::vector<std::string>& named) const {
    std::vector<size_t> out;
    for (const std::string& name : named) {
      out.push_back(static_cast<size_t>(csv_.column(name)));
      if (std::count(named.begin(), named.end(), name) > 1)
        throw ConfigError(fmt::format("--task: '{}' is named twice", name));
    }
    if (!out.empty()) return out;
    for (size_t c = 0; c < csv_.header.size(); ++c)
      if (may_be_label(c) && sounds_like_label(csv_.header[c])) out.push_back(c);
    leave_an_input(out);
    if (!out.empty()) return out;
    bool last = true;
    for (size_t c = csv_.header.size(); c-- > 0;) {
      if (!may_be_label(c)) continue;
      const bool sets = columns_[c].of_sets;
      last = last && (sets || sounds_like_result(csv_.header[c]));
      if (sets || last) out.push_back(c);
    }
    for (size_t c = csv_.header.size(); out.empty() && c-- > 0;)
      if (may_be_label(c)) out.push_back(c);
    std::sort(out.begin(), out.end());
    leave_an_input(out);
    if (out.empty())
      throw DataError(
          fmt::format("{}: no column is a label: each is empty, the same in all rows, "
                      "counts them, or holds text or words that never come again",
                      csv_.path));
    return out;
  }

  /// Of guessed tasks the first that may be an input is one, where nothing else is.
  void leave_an_input(std::vector<size_t>& tasks) const {
    for (size_t c = 0; c < csv_.header.size(); ++c)
      if (columns_[c].kind == Column::text || (is_input(c) && !has(tasks, c))) return;
    const auto first =
        std::find_if(tasks.begin(), tasks.end(), [&](size_t c) { return is_input(c); });
    if (tasks.size() > 1 && first != tasks.end()) tasks.erase(first);
  }

  /// data.categorical and data.leave_out.
  std::string keys_of_columns(const std::vector<size_t>& labels, FirstRunFile& said) const {
    std::vector<std::string> categories;
    std::string why;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (has(labels, c) || csv_.header[c] == "split") continue;
      const std::string title = toml_string(csv_.header[c]);
      if (columns_[c].kind == Column::category) categories.push_back(csv_.header[c]);
      if (!is_input(c)) {
        said.left_out.push_back(csv_.header[c]);
        why += fmt::format("# column {} {}: left out\n", title, columns_[c].why);
      } else {
        said.inputs.push_back(csv_.header[c]);
      }
    }
    if (said.inputs.empty())
      throw DataError(
          fmt::format("{}: no column is left as an input beside the label: --task names the "
                      "columns that are labels",
                      csv_.path));
    std::string out;
    if (!categories.empty()) out += fmt::format("categorical = {}\n", list(categories));
    if (!said.left_out.empty()) out += why + fmt::format("leave_out = {}\n", list(said.left_out));
    return out;
  }

  const Csv& csv_;
  std::set<std::string> missing_;
  std::vector<Column> columns_;
  bool split_ = false;
};

}  // namespace

FirstRunFile first_table_run_file(const Csv& csv, const std::string& name,
                                  const std::vector<std::string>& tasks) {
  return FirstTable(csv).file(name, tasks);
}

std::string root_and_index(const std::string& index) {
  namespace fs = std::filesystem;
  std::string folder = fs::path(index).parent_path().string();
  if (folder.empty()) folder = ".";
  if (folder[0] == '$') folder = "./" + folder;  // no variable
  return fmt::format("root = {}\nindex = {}\n", toml_string(folder),
                     toml_string(fs::path(index).filename().string()));
}

}  // namespace weft
