// significance: a table for each row that others can be held against.
#include "train/report/significance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/error.h"
#include "train/pictures/svg.h"
#include "train/study/paired_test.h"
#include "train/study/run_table.h"
#include "train/study/tables.h"

namespace weft {
namespace {

constexpr double level = 0.05;

struct Quantity {
  std::string name;
  bool higher = false;
  std::vector<std::map<int64_t, double>> values;  ///< [row] by seed
};

void add(std::vector<Quantity>& to, const std::string& name, bool higher, size_t rows, size_t row,
         int64_t seed, const Measure& value) {
  auto at = std::find_if(to.begin(), to.end(), [&](const Quantity& q) { return q.name == name; });
  if (at == to.end()) at = to.insert(to.end(), {name, higher, {}});
  at->values.resize(rows);
  if (value) at->values[row][seed] = *value;
}

/// What tables show of every task, or of many tasks their means.
std::vector<Quantity> quantities(const std::vector<Compared>& rows) {
  std::vector<Quantity> out;
  for (size_t r = 0; r < rows.size(); ++r)
    for (const RunSummary& run : rows[r].runs) {
      const auto put = [&](const std::string& name, bool higher, const Measure& value) {
        add(out, name, higher, rows.size(), r, run.seed, value);
      };
      if (run.results.size() <= most_tasks_shown) {
        for (const TaskResult& result : run.results) {
          for (const Metric& m : shown_metrics(result))
            put(result.task + " " + m.name + unit_of(result, m.name, " "), m.higher_is_better,
                m.value);
          put(result.task + " loss", false, result.loss);
        }
        continue;
      }
      const auto mean_of = [&](const std::string& metric) -> Measure {
        std::vector<Measure> values;
        for (const TaskResult& result : run.results) {
          if (metric.empty()) values.push_back(result.loss);
          for (const Metric& m : result.metrics)
            if (m.name == metric) values.push_back(m.value);
        }
        return spread_of(values).mean;
      };
      for (const std::string& metric : common_metrics(run.results))
        put("mean " + metric, higher_is_better(metric), mean_of(metric));
      put("mean loss", false, mean_of(""));
    }
  return out;
}

std::vector<double> differences(const Quantity& q, size_t row, size_t against) {
  std::vector<double> out;
  for (const auto& [seed, value] : q.values[row])
    if (const auto other = q.values[against].find(seed); other != q.values[against].end())
      out.push_back(value - other->second);
  return out;
}

std::string p_text(double p) { return p < 0.001 ? "p &lt; 0.001" : fmt::format("p {:.3f}", p); }

std::string cell_of(const Quantity& q, size_t row, size_t against) {
  std::vector<Measure> values;
  for (const auto& [seed, value] : q.values[row]) values.emplace_back(value);
  const std::string spread = escape_markup(spread_text(spread_of(values)));
  if (row == against || values.empty()) return fmt::format("<td>{}</td>", spread);
  const auto test = paired_t_test(differences(q, row, against));
  if (!test) return fmt::format("<td>{}<br><small>no pairs</small></td>", spread);
  const bool better = (test->mean > 0) == q.higher;
  const bool found = test->p < level;
  return fmt::format("<td{}>{}<br><small>{:+.3g}, {}{}</small></td>",
                     !found   ? ""
                     : better ? " class=better"
                              : " class=worse",
                     spread, test->mean, p_text(test->p),
                     !found   ? ""
                     : better ? " ▲"
                              : " ▼");
}

std::string table_against(const std::vector<Compared>& rows, const std::vector<Quantity>& all,
                          size_t against) {
  std::string html = "<table><thead><tr><th>method</th><th>seeds</th>";
  for (const Quantity& q : all)
    html += fmt::format("<th>{} {}</th>", escape_markup(q.name), q.higher ? "↑" : "↓");
  html += "</tr></thead><tbody>\n";
  for (size_t r = 0; r < rows.size(); ++r) {
    html += fmt::format("<tr><td>{}{}</td><td>{}</td>", escape_markup(rows[r].name),
                        r == against ? " (compared with)" : "", rows[r].runs.size());
    for (const Quantity& q : all) html += cell_of(q, r, against);
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

}  // namespace

std::string significance(const std::string& id, const std::vector<Compared>& given,
                         const std::string& against) {
  std::vector<Compared> rows;
  std::vector<std::string> names;
  for (const Compared& row : given)
    if (!row.runs.empty()) {
      rows.push_back(row);
      names.push_back(row.name);
    }
  size_t chosen = 0;
  if (!against.empty()) {
    const auto found = std::find(names.begin(), names.end(), against);
    if (found == names.end())
      throw ConfigError(
          fmt::format("--against {}: there is no such row with finished runs; there are: {}",
                      against, fmt::join(names, ", ")));
    chosen = static_cast<size_t>(found - names.begin());
  }
  const std::vector<Quantity> all = quantities(rows);
  size_t pairs = 0;  // the most that two rows have
  for (const Quantity& q : all)
    for (size_t a = 0; a < rows.size(); ++a)
      for (size_t b = 0; b < a; ++b) pairs = std::max(pairs, differences(q, a, b).size());
  if (pairs < 2) return "";
  const auto degrees = static_cast<int>(pairs) - 1;
  double t = 0;  // the least |t| that is found, by halving
  for (double step = 64; step > 1e-3; step /= 2)
    if (student_two_sided(t + step, degrees) >= level) t += step;
  std::string html = fmt::format(
      "<p>Mean ± standard deviation over seeds; below, the mean difference and the p of the paired "
      "t-test (Student, two-sided) over the seeds that both have. ▲ better and ▼ worse where p "
      "&lt; "
      "{:g}. The test takes differences as normal; with {} pairs |t| has to pass {:.2f}, and a "
      "test "
      "that takes nothing as normal can not go below p = {:.2g}. Of many cells one in twenty is "
      "marked by chance alone: nothing is corrected for that.</p>\n",
      level, pairs, t, std::min(1.0, std::pow(0.5, static_cast<double>(pairs) - 1)));
  html += fmt::format("<p><label>compared with <select data-tables=\"{}\">", id);
  for (size_t r = 0; r < rows.size(); ++r)
    html += fmt::format("<option{}>{}</option>", r == chosen ? " selected" : "",
                        escape_markup(names[r]));
  html += "</select></label></p>\n";
  for (size_t r = 0; r < rows.size(); ++r)
    html += fmt::format("<div class=wide tabindex=0 data-of=\"{}\"{}>{}</div>\n", id,
                        r == chosen ? "" : " hidden", table_against(rows, all, r));
  return html;
}

}  // namespace weft
