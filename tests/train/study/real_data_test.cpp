// The numbers of docs/real_data.md's tables on silicon are those of the committed study, each to the
// digits that it is written with.
#include <cmath>
#include <map>
#include <sstream>

#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/source_dir.h"

using namespace weft;

namespace {

std::vector<std::string> split(const std::string& text, const std::string& by) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t at; (at = text.find(by, from)) != text.npos; from = at + by.size())
    parts.push_back(text.substr(from, at - from));
  parts.push_back(text.substr(from));
  return parts;
}

/// Cells of the rows of the Markdown table that follows a line which begins with `heading`.
std::vector<std::vector<std::string>> table_after(const std::string& page,
                                                  const std::string& heading) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(page.substr(page.find("## Silicon")));
  bool within = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("### ", 0) == 0) within = line.rfind("### " + heading, 0) == 0;
    if (!within || line.rfind("| ", 0) != 0) continue;
    rows.push_back(split(line.substr(2, line.size() - 4), " | "));
  }
  return rows;
}

/// "0.1251 ± 0.0232" against a mean and a deviation.
void check_number(const std::string& written, const std::pair<double, double>& found) {
  const auto parts = split(written, " ± ");
  REQUIRE(parts.size() == 2);
  const double values[] = {found.first, found.second};
  for (size_t i = 0; i < 2; ++i) {
    const size_t point = parts[i].find('.');
    const auto digits = static_cast<double>(parts[i].size() - point - 1);
    INFO(written);
    CHECK(std::abs(std::stod(parts[i]) - values[i]) <= 0.5001 * std::pow(10.0, -digits));
  }
}

}  // namespace

TEST_CASE("docs/real_data.md: the numbers on silicon are those of the committed tables",
          "[study]") {
  const std::string page = read_text(source_dir() + "/docs/real_data.md");
  std::map<std::string, std::pair<double, double>> study;  // set,method,task,quantity
  std::istringstream lines(read_text(source_dir() + "/bench/results/studies/silicon/study.csv"));
  for (std::string line; std::getline(lines, line);) {
    const auto c = split(line, ",");
    REQUIRE(c.size() == 8);
    if (c[0] != "set" && !c[6].empty())
      study[fmt::format("{},{},{},{}", c[0], c[1], c[3], c[4])] = {std::stod(c[6]),
                                                                   std::stod(c[7])};
  }
  int checked = 0;
  const char* means[] = {"target_rmse", "percent", "percent_slope1", "percent_slope2"};
  for (const auto& row : table_after(page, "What came out")) {
    if (row[0] != "single" && study.count(fmt::format("sky130,{},,mean_percent", row[0])) == 0)
      continue;
    for (size_t i = 0; i < 4; ++i, ++checked)
      check_number(row.at(i + 1), study.at(fmt::format("sky130,{},,mean_{}", row[0], means[i])));
  }
  const auto scarce = table_after(page, "Scarce devices");
  REQUIRE(scarce.size() >= 3);
  for (const auto& row : scarce) {
    const auto type = split(row[0], ", ");
    if (type.size() != 2 || type[1] == "geometries") continue;
    for (size_t i = 1; i < row.size(); ++i, ++checked)
      check_number(row[i], study.at(fmt::format("{}-{},{},{},target_rmse", type[0], type[1],
                                                scarce[0].at(i), type[0])));
  }
  CHECK(checked >= 45);
}
