// Numbers that documents quote are those of the committed studies. A table that is quoted has, on the
// line before it, where its numbers come from:
//   <!-- numbers: bench/results/studies/NAME/study.md -->
// (in bench/results/studies/README.md NAME/study.md), or several files. Its rows are named as their rows
// are. A number may be quoted with fewer digits. A column "above M" or "against M" holds differences of Δ_T
// to method M's with the same seed, by cells.csv beside each file. No study has the columns "before" and
// "score", nor the row "linear", which is scikit-learn's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <sstream>

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/source_dir.h"

using namespace weft;

namespace {

/// The cells of a line of a table in markdown, without spaces and bold marks; none: it is no such line.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  if (line.rfind("| ", 0) != 0) return cells;
  std::stringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');)
    cells.push_back(std::regex_replace(cell, std::regex("\\*\\*|^ +| +$"), ""));
  return cells;
}

/// "+4.16 ± 1.54" is two numbers.
std::vector<std::string> numbers_of(const std::string& cell) {
  static const std::regex number("[-+]?[0-9]+(\\.[0-9]+)?");
  std::vector<std::string> out;
  if (!std::regex_match(cell, std::regex("[-+0-9. ±]+( trunks?| %)?"))) return out;
  for (std::sregex_iterator i(cell.begin(), cell.end(), number), end; i != end; ++i)
    out.push_back(i->str());
  return out;
}

size_t decimals(const std::string& number) {
  const size_t point = number.find('.');
  return point == std::string::npos ? 0 : number.size() - point - 1;
}

/// Whether `quoted` is `given`, or what is left of it with fewer digits.
bool quotes(const std::string& quoted, const std::string& given) {
  if (decimals(quoted) > decimals(given)) return false;
  const double unit = std::pow(10., -static_cast<double>(decimals(quoted)));
  return std::abs(std::stod(quoted) - std::stod(given)) <= unit / 2 + 1e-9;
}

using Rows = std::map<std::string, std::vector<std::string>>;

Rows rows_of(const std::string& path) {
  Rows rows;
  std::stringstream in(read_text(path));
  for (std::string line; std::getline(in, line);) {
    const auto cells = cells_of(line);
    for (size_t i = 1; i < cells.size(); ++i)
      for (const std::string& number : numbers_of(cells[i])) rows[cells[0]].push_back(number);
  }
  return rows;
}

/// Method -> Δ_T of each seed, of a cells.csv whose study has one set and one trial a method.
std::map<std::string, std::vector<double>> delta_t_of(const std::string& path) {
  std::map<std::string, std::vector<double>> out;
  std::stringstream in(read_text(path));
  const std::regex row("[^,]*,([^,]+),[^,]*,[0-9]+,,delta_t_percent,(\\S+)");
  for (std::string line; std::getline(in, line);) {
    std::smatch found;
    if (std::regex_match(line, found, row)) out[found[1]].push_back(std::stod(found[2]));
  }
  return out;
}

/// Mean and standard deviation over seeds of a - b, as a table would have them; none: seeds differ.
std::vector<std::string> differences(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size() || a.size() < 2) return {};
  double mean = 0, squares = 0;
  for (size_t i = 0; i < a.size(); ++i) mean += (a[i] - b[i]) / static_cast<double>(a.size());
  for (size_t i = 0; i < a.size(); ++i) squares += std::pow(a[i] - b[i] - mean, 2);
  return {fmt::format("{:.9f}", mean),
          fmt::format("{:.9f}", std::sqrt(squares / static_cast<double>(a.size() - 1)))};
}

struct Checked {
  std::vector<std::string> wrong;
  size_t numbers = 0;
};

/// Every number of the tables in `text` that say where they come from, below `root`.
Checked check_tables(const std::string& text, const std::string& root) {
  static const std::regex source("<!-- numbers: (\\S+( \\S+)*) -->");
  Checked out;
  std::stringstream in(text);
  std::optional<Rows> rows;
  std::map<std::string, std::vector<double>> delta_t;
  std::vector<std::string> header;
  size_t lines = 0;
  for (std::string line; std::getline(in, line);) {
    std::smatch found;
    if (std::regex_match(line, found, source)) {
      rows.emplace();
      delta_t.clear();
      std::stringstream files(found[1].str());
      for (std::string file; files >> file;) {
        const std::string study = root + "/" + file;
        for (const auto& [row, numbers] : rows_of(study))
          (*rows)[row].insert((*rows)[row].end(), numbers.begin(), numbers.end());
        const auto cells = std::filesystem::path(study).replace_filename("cells.csv");
        if (std::filesystem::exists(cells)) delta_t.merge(delta_t_of(cells.string()));
      }
      lines = 0;
      continue;
    }
    const auto cells = cells_of(line);
    if (!rows || (cells.empty() && line.rfind("|-", 0) != 0)) {
      rows.reset();
      continue;
    }
    if (!cells.empty() && ++lines == 1) header = cells;
    if (cells.empty() || lines == 1 || cells[0] == "linear") continue;  // the rule, the header
    for (size_t i = 1; i < std::min(cells.size(), header.size()); ++i) {
      if (header[i] == "before" || header[i] == "score") continue;
      auto given = (*rows)[cells[0]];
      static const std::regex difference("(?:above|against) (\\w+)");
      if (std::regex_match(header[i], found, difference))
        given = differences(delta_t[cells[0]], delta_t[found[1]]);
      for (const std::string& number : numbers_of(cells[i])) {
        ++out.numbers;
        if (std::none_of(given.begin(), given.end(),
                         [&](const std::string& g) { return quotes(number, g); }))
          out.wrong.push_back(fmt::format("{}: {}", cells[0], number));
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("documents: numbers of a table that names a study are the study's", "[study]") {
  size_t numbers = 0;
  const std::string results = source_dir() + "/bench/results";
  std::map<std::string, std::string> roots = {
      // of each page
      {source_dir() + "/README.md", source_dir()},
      {results + "/multi_fashion_mnist.md", results},
      {results + "/studies/README.md", results + "/studies"}};
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/docs"))
    if (entry.path().extension() == ".md") roots[entry.path().string()] = source_dir();
  for (const auto& [file, root] : roots) {
    const Checked checked = check_tables(read_text(file), root);
    INFO(file);
    CHECK(checked.wrong == std::vector<std::string>{});
    numbers += checked.numbers;
  }
  CHECK(numbers > 500);
}

TEST_CASE("documents: a number that no study has, or that another row has, is seen", "[study]") {
  const std::string nyu = "<!-- numbers: bench/results/studies/nyu_v2/study.md -->\n";
  const std::string head = "| | mIoU | depth |\n|---|--:|--:|\n";
  const auto wrong = [&](const std::string& row) {
    return check_tables(nyu + head + row, source_dir()).wrong.size();
  };
  CHECK(wrong("| hard | 17.68 ± 0.12 | 0.630 ± 0.014 |") == 0);
  CHECK(wrong("| hard | 17.68 ± 0.12 | 0.631 ± 0.014 |") == 1);
  CHECK(wrong("| hard | 17.681 | 0.63 |") == 1);
  CHECK(wrong("| soft | 17.68 ± 0.12 | 0.630 |") == 3);
  CHECK(wrong("| nobody | 1 | 2 |") == 2);
  const auto wrong_difference = [&](const std::string& column, const std::string& cell) {
    return check_tables("<!-- numbers: scenes_5tasks/study.md -->\n| | " + column +
                            " |\n|---|--:|\n| sluice | " + cell + " |",
                        source_dir() + "/bench/results/studies")
        .wrong.size();
  };
  CHECK(wrong_difference("above hard", "+5.09 ± 0.61") == 0);
  CHECK(wrong_difference("against hard", "+5.10 ± 0.61") == 1);
  CHECK(wrong_difference("above hard", "+3.86 ± 0.20") == 2);  // Δ_T itself
  CHECK(wrong_difference("above soft", "+5.09 ± 0.61") == 2);
  CHECK(wrong_difference("before", "+3.29 ± 0.40") == 0);
  const auto wrong_of_two = [&](const std::string& row) {
    return check_tables(
               "<!-- numbers: balance_scenes_best/study.md balance_scenes/study.md -->\n"
               "| | Δ_T % | against equal |\n|---|--:|--:|\n" +
                   row,
               source_dir() + "/bench/results/studies")
        .wrong.size();
  };
  CHECK(wrong_of_two("| adashare_gls | -0.06 ± 0.28 | +0.86 ± 0.44 |") == 0);
  CHECK(wrong_of_two("| gls | -0.48 ± 0.61 | +0.44 ± 0.13 |") == 0);
  CHECK(wrong_of_two("| gls | -0.06 | +0.86 |") == 2);
  CHECK(wrong_of_two("| linear | 1 | 2 |") == 0);
}
