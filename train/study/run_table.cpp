// Tables of runs, and a policy as text.
#include "train/study/run_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "models/collapse.h"
#include "models/sharing/way.h"
#include "train/step/choice.h"

namespace weft {
namespace {

/// A task and one of its metrics ("loss" is one of them), errors in one unit.
struct Column {
  std::string task, metric, unit;
  bool operator==(const Column&) const = default;
};

/// Every column that some run has a number for, task by task in the order of their first
/// appearance: a run that lacks one has a "-" there.
std::vector<Column> columns_of(const std::vector<RunSummary>& runs, bool all) {
  std::vector<std::string> tasks;
  std::map<std::string, std::vector<Column>> of_task;
  const auto add = [](auto& to, const auto& item) {
    if (std::find(to.begin(), to.end(), item) == to.end()) to.push_back(item);
  };
  for (const RunSummary& run : runs)
    for (const TaskResult& r : run.results) {
      add(tasks, r.task);
      add(of_task[r.task], Column{r.task, "loss", ""});
      for (const Metric& m : r.metrics)
        if (all || is_in_tables(m.name))
          add(of_task[r.task], Column{r.task, m.name, unit_of(r, m.name, " ")});
    }
  std::vector<Column> columns;
  for (const std::string& task : tasks)
    columns.insert(columns.end(), of_task[task].begin(), of_task[task].end());
  return columns;
}

std::string cell_of(const RunSummary& run, const Column& column, bool marks) {
  const auto text = [&](const Measure& m) { return marks || !m ? number_text(m) : exact_text(m); };
  for (const TaskResult& r : run.results) {
    if (r.task != column.task) continue;
    if (column.metric == "loss")
      return text(r.loss) + (marks && no_better_than_constant(r) ? constant_mark : "");
    for (const Metric& m : r.metrics)
      if (m.name == column.metric && unit_of(r, m.name, " ") == column.unit) return text(m.value);
  }
  return "-";
}

Cells header_of(const std::vector<Column>& columns, bool watched) {
  Cells header{"run"};
  for (const auto& [task, metric, unit] : columns)
    header.push_back(task + " " + metric + unit +
                     (metric == "loss"           ? ""
                      : higher_is_better(metric) ? " ^"
                                                 : " v"));
  if (watched) header.push_back("mean cosine");
  header.insert(header.end(), {"Delta_T %", "trunk M", "x one", "heads M", "trunk GFLOP",
                               "heads GFLOP", "train s"});
  return header;
}

/// "1.234", or with marks, where each image executes its own, "1.234 ± 0.056" between images.
std::string gflop_of(const RunSummary& run, bool marks) {
  if (!marks) return exact_text(run.trunk_gflop);
  if (run.trunk_gflop_spread == 0) return fmt::format("{:.3f}", run.trunk_gflop);
  return fmt::format("{:.3f} ± {:.3f}", run.trunk_gflop, run.trunk_gflop_spread);
}

Cells row_of(const RunSummary& run, const std::vector<Column>& columns, bool watched,
             const RunSummary* single, bool marks) {
  Cells row{run.name};
  for (const Column& column : columns) row.push_back(cell_of(run, column, marks));
  const auto text = [&](const Measure& m, int digits, bool sign = false) {
    return marks || !m ? fixed_text(m, digits, sign) : exact_text(m);
  };
  if (watched) row.push_back(run.cosine ? text(run.cosine, 3, true) : "-");
  const bool comparable = single != nullptr && run.tasks == single->tasks &&
                          run.results.size() == single->results.size();
  row.push_back(!comparable ? "-"
                            : text(delta(metrics_of(run), metrics_of(*single)).overall, 2, true));
  row.push_back(text(static_cast<double>(run.trunk_parameters) / 1e6, 3));
  row.push_back(text(run.trunk_parameters_of_one, 2));
  row.push_back(text(static_cast<double>(run.head_parameters) / 1e6, 3));
  row.push_back(gflop_of(run, marks));
  row.push_back(text(run.heads_gflop, 3));
  row.push_back(text(seconds_of(run), 0));
  return row;
}

}  // namespace

double seconds_of(const RunSummary& run) {
  double seconds = 0;
  for (const auto& [stage, spent] : run.seconds) seconds += spent;
  return seconds;
}

MetricsOfTasks metrics_of(const RunSummary& run) {
  MetricsOfTasks out;
  for (const TaskResult& r : run.results) out.push_back(r.metrics);
  return out;
}

std::vector<Metric> shown_metrics(const TaskResult& r) {
  std::vector<Metric> out;
  for (const Metric& m : r.metrics)
    if (leads_in_studies(m.name)) out.push_back(m);
  for (const Metric& m : r.metrics)
    if (follows_in_studies(m.name)) out.push_back(m);
  return out;
}

std::vector<std::string> common_metrics(const std::vector<TaskResult>& results) {
  std::vector<std::string> names;
  if (results.empty()) return names;
  for (const Metric& m : shown_metrics(results[0]))
    if (std::all_of(results.begin(), results.end(), [&](const TaskResult& r) {
          const auto own = shown_metrics(r);
          return unit_of(r, m.name, "") == unit_of(results[0], m.name, "") &&
                 std::any_of(own.begin(), own.end(),
                             [&](const Metric& other) { return other.name == m.name; });
        }))
      names.push_back(m.name);
  return names;
}

std::string table(const std::vector<RunSummary>& runs, TableStyle style, bool turned) {
  if (runs.empty()) return "";
  const auto single = std::find_if(
      runs.begin(), runs.end(), [](const RunSummary& r) { return r.sharing == Sharing::single; });
  const std::vector<Column> columns = columns_of(runs, style == TableStyle::csv);
  const bool marks = style != TableStyle::csv;  // which holds numbers alone
  const bool watched = std::any_of(runs.begin(), runs.end(),
                                   [](const RunSummary& r) { return r.cosine.has_value(); });
  std::vector<Cells> rows{header_of(columns, watched)};
  for (const RunSummary& run : runs)
    rows.push_back(row_of(run, columns, watched, single == runs.end() ? nullptr : &*single, marks));
  std::string text = table_text(rows, style, turned || style == TableStyle::text);
  if (style != TableStyle::text && style != TableStyle::markdown) return text;
  for (const RunSummary& run : runs)
    if (const std::string worse = worse_than_constant(run.results); !worse.empty())
      text += fmt::format("{}{}: {}\n", constant_mark, run.name, worse);
  return text;
}

std::string policy_text(const RunSummary& run, bool colour) {
  const WayOfSharing& way = way_of(run.sharing);
  if (const Measure together = run.image_routes()) return collapse_text(*together, "images") + "\n";
  if (run.policy.empty()) return "";
  constexpr std::array level_marks{"□", "◔", "◑", "■"};
  size_t width = 0;
  for (const std::string& task : run.tasks) width = std::max(width, task.size());
  std::string text = fmt::format("{:<{}}  ", "", width);
  for (const std::string& block : run.blocks)  // "layer2.0" -> "2.0"
    text += fmt::format("{:>{}}", block.substr(block.find_first_of("0123456789")),
                        way.functions ? 9 : 6);
  text += "\n";
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    text += fmt::format("{:<{}}  ", run.tasks[k], width);
    for (size_t l = 0; l < run.blocks.size(); ++l) {
      const double p = run.probability[k][l];
      const bool on = run.policy[k][l] != 0;
      const std::string mark = way.functions ? fmt::format("f{:<3}", run.policy[k][l])
                               : !on         ? "□"
                               : way.levels  ? level_marks.at(static_cast<size_t>(run.policy[k][l]))
                                             : "■";
      const std::string cell = fmt::format("{}{:>3.0f}%", mark, 100 * p);
      const char* style = !colour ? "" : on ? "\033[36m" : "\033[2m";
      text += fmt::format(" {}{}{}", style, cell, colour ? "\033[0m" : "");
    }
    text += "\n";
  }
  if (way.functions)
    return text + "f: the function block taken; the number is the likeliest one's p\n" +
           (run.task_routes() ? collapse_text(*run.task_routes()) + "\n" : "");
  return text +
         (way.levels
              ? "◔ ◑ ■ executes 25, 50, 100 % of the inner channels, □ skips; the number is the "
                "expected share\n"
              : "■ executes, □ skips; the number is p(select)\n");
}

}  // namespace weft
