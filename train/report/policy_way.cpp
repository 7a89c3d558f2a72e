// policy_way: a table of the last epoch, and all epochs as JSON beside it.
#include "train/report/policy_way.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "train/pictures/svg.h"

namespace weft {

std::string policy_way(const std::string& id, const std::vector<std::string>& tasks,
                       const std::vector<std::string>& blocks,
                       const std::vector<SearchLine>& search, const std::string& name,
                       bool functions) {
  if (search.empty()) return "";
  nlohmann::json way = nlohmann::json::array(), names = nlohmann::json::array();
  const auto percent = [](double p) { return std::lround(100 * p); };
  for (const SearchLine& line : search) {
    nlohmann::json table = nlohmann::json::array();
    for (const auto& task : line.probability) {
      nlohmann::json row = nlohmann::json::array();
      for (const double p : task) row.push_back(percent(p));
      table.push_back(std::move(row));
    }
    way.push_back(std::move(table));
    std::string at = fmt::format("epoch {}, step {}, {} block(s) learned, temperature {:.3g}",
                                 line.epoch, line.step, line.active, line.temperature);
    if (line.together)
      at += fmt::format(", two tasks take the same function block at {:.0f} % of the places",
                        100 * *line.together);
    names.push_back(at);
  }
  const size_t last = search.size() - 1;
  std::string html = fmt::format(
      "<div class=slider><input type=range min=0 max={0} value={0} data-heat=\"{1}\" "
      "aria-label=\"policy epoch\"><output>{2}</output></div>\n"
      "<div class=wide><table class=heat id=\"{1}\" data-way=\"{3}\" data-names=\"{4}\">"
      "<caption>{5} in percent; {6}</caption><thead><tr><th>task</th>",
      last, id, escape_markup(names[last].get<std::string>()), escape_markup(way.dump()),
      escape_markup(names.dump()), escape_markup(name),
      functions ? "pale: undecided, dark: decided" : "pale: skips, dark: executes");
  for (const std::string& block : blocks) html += fmt::format("<th>{}</th>", escape_markup(block));
  html += "</tr></thead><tbody>\n";
  for (size_t k = 0; k < tasks.size(); ++k) {
    html += fmt::format("<tr><th>{}</th>", escape_markup(tasks[k]));
    for (const double p : search[last].probability[k])
      html += fmt::format("<td class=\"p{}\" style=\"--p:{}\">{}</td>",
                          percent(p) > 50 ? " dark" : "", percent(p), percent(p));
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace weft
