// Tables and policy pictures.
#include "train/study/run_table.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "train/pictures/colour.h"
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
std::vector<Column> columns_of(const std::vector<RunSummary>& runs) {
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
        if (is_in_tables(m.name))
          add(of_task[r.task], Column{r.task, m.name, unit_of(r, m.name, " ")});
    }
  std::vector<Column> columns;
  for (const std::string& task : tasks)
    columns.insert(columns.end(), of_task[task].begin(), of_task[task].end());
  return columns;
}

std::string cell_of(const RunSummary& run, const Column& column, bool marks) {
  for (const TaskResult& r : run.results) {
    if (r.task != column.task) continue;
    if (column.metric == "loss")
      return number_text(r.loss) + (marks && no_better_than_constant(r) ? constant_mark : "");
    for (const Metric& m : r.metrics)
      if (m.name == column.metric && unit_of(r, m.name, " ") == column.unit)
        return number_text(m.value);
  }
  return "-";
}

Cells header_of(const std::vector<Column>& columns) {
  Cells header{"run"};
  for (const auto& [task, metric, unit] : columns)
    header.push_back(task + " " + metric + unit +
                     (metric == "loss"           ? ""
                      : higher_is_better(metric) ? " ^"
                                                 : " v"));
  header.insert(header.end(), {"Delta_T %", "trunk M", "x one", "heads M", "trunk GFLOP",
                               "heads GFLOP", "train s"});
  return header;
}

Cells row_of(const RunSummary& run, const std::vector<Column>& columns, const RunSummary* single,
             bool marks) {
  Cells row{run.name};
  for (const Column& column : columns) row.push_back(cell_of(run, column, marks));
  const bool comparable = single != nullptr && run.tasks == single->tasks &&
                          run.results.size() == single->results.size();
  row.push_back(
      !comparable ? "-" : fixed_text(delta(metrics_of(run), metrics_of(*single)).overall, 2, true));
  double seconds = 0;
  for (const auto& [stage, spent] : run.seconds) seconds += spent;
  row.push_back(fmt::format("{:.3f}", static_cast<double>(run.trunk_parameters) / 1e6));
  row.push_back(fmt::format("{:.2f}", run.trunk_parameters_of_one));
  row.push_back(fmt::format("{:.3f}", static_cast<double>(run.head_parameters) / 1e6));
  row.push_back(fmt::format("{:.3f}", run.trunk_gflop));
  row.push_back(fmt::format("{:.3f}", run.heads_gflop));
  row.push_back(fmt::format("{:.0f}", seconds));
  return row;
}

void fill_box(Picture& picture, int y, int x, int h, int w, const std::array<float, 3>& colour) {
  for (int i = y; i < y + h; ++i)
    for (int j = x; j < x + w; ++j) std::copy(colour.begin(), colour.end(), picture.at(i, j));
}

/// White (p = 0) to deep blue (p = 1).
std::array<float, 3> shade(double p) {
  const auto mix = [p](double from, double to) {
    return static_cast<float>(from + p * (to - from));
  };
  return {mix(0.96, 0.05), mix(0.96, 0.25), mix(0.96, 0.55)};
}

int widest(const std::vector<std::string>& texts) {
  int most = 0;
  for (const std::string& t : texts) most = std::max(most, text_width(t));
  return most;
}

}  // namespace

MetricsOfTasks metrics_of(const RunSummary& run) {
  MetricsOfTasks out;
  for (const TaskResult& r : run.results) out.push_back(r.metrics);
  return out;
}

std::vector<Metric> shown_metrics(const TaskResult& r) {
  std::vector<Metric> out;
  for (const Metric& m : r.metrics)
    if (m.name == "auroc") out.push_back(m);
  if (!r.metrics.empty()) out.push_back(r.metrics[0]);
  for (const Metric& m : r.metrics)
    if (m.name == "r2") out.push_back(m);
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

std::string table(const std::vector<RunSummary>& runs, TableStyle style) {
  if (runs.empty()) return "";
  const auto single = std::find_if(runs.begin(), runs.end(),
                                   [](const RunSummary& r) { return r.sharing == "single"; });
  const std::vector<Column> columns = columns_of(runs);
  const bool marks = style != TableStyle::csv;  // which holds numbers alone
  std::vector<Cells> rows{header_of(columns)};
  for (const RunSummary& run : runs)
    rows.push_back(row_of(run, columns, single == runs.end() ? nullptr : &*single, marks));
  // On a terminal runs are columns: there are few runs and many metrics.
  std::string text = table_text(rows, style, /*turned=*/true);
  if (style != TableStyle::text && style != TableStyle::markdown) return text;
  for (const RunSummary& run : runs)
    if (const std::string worse = worse_than_constant(run.results); !worse.empty())
      text += fmt::format("{}{}: {}\n", constant_mark, run.name, worse);
  return text;
}

std::string policy_text(const RunSummary& run, bool colour) {
  if (run.policy.empty()) return "";
  size_t width = 0;
  for (const std::string& task : run.tasks) width = std::max(width, task.size());
  std::string text = fmt::format("{:<{}}  ", "", width);
  for (const std::string& block : run.blocks)  // "layer2.0" -> "2.0"
    text += fmt::format("{:>6}", block.substr(block.find_first_of("0123456789")));
  text += "\n";
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    text += fmt::format("{:<{}}  ", run.tasks[k], width);
    for (size_t l = 0; l < run.blocks.size(); ++l) {
      const double p = run.probability[k][l];
      const bool on = run.policy[k][l] != 0;
      const std::string cell = fmt::format("{}{:>3.0f}%", on ? "■" : "□", 100 * p);
      const char* style = !colour ? "" : on ? "\033[36m" : "\033[2m";
      text += fmt::format(" {}{}{}", style, cell, colour ? "\033[0m" : "");
    }
    text += "\n";
  }
  return text + "■ executes, □ skips; the number is p(select) as learned\n";
}

Picture policy_picture(const std::vector<std::string>& tasks,
                       const std::vector<std::string>& blocks,
                       const std::vector<std::vector<double>>& probability,
                       const std::vector<std::vector<int>>& select) {
  constexpr int cell = 34, gap = 4, top = 22, margin = 8;
  const int left = margin + widest(tasks) + 10;
  const int step = std::max(cell, widest(blocks)) + gap;
  Picture picture(top + static_cast<int>(tasks.size()) * (cell + gap) + margin,
                  left + static_cast<int>(blocks.size()) * step + margin, 3, 1.0F);
  const auto text = [&](int y, int x, const std::string& t) {
    const int w = text_width(t);
    fill_box(picture, y - 1, x - 1, 9, w + 2, {0.15F, 0.15F, 0.18F});
    draw_text(picture, y, x, t);
  };
  for (size_t l = 0; l < blocks.size(); ++l) text(8, left + static_cast<int>(l) * step, blocks[l]);
  for (size_t k = 0; k < tasks.size(); ++k) {
    const int y = top + static_cast<int>(k) * (cell + gap);
    text(y + cell / 2 - 3, margin, tasks[k]);
    for (size_t l = 0; l < blocks.size(); ++l) {
      const int x = left + static_cast<int>(l) * step;
      fill_box(picture, y, x, cell, cell, {0.2F, 0.2F, 0.22F});
      fill_box(picture, y + 2, x + 2, cell - 4, cell - 4, shade(probability[k][l]));
      const bool on = !select.empty() && select[k][l] != 0;
      if (!select.empty())
        fill_box(
            picture, y + cell - 12, x + cell - 12, 8, 8,
            on ? std::array<float, 3>{0.1F, 0.7F, 0.3F} : std::array<float, 3>{0.85F, 0.2F, 0.2F});
    }
  }
  return picture;
}

Picture history_picture(const std::vector<SearchLine>& search,
                        const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks) {
  constexpr int row = 10, top = 16, gap = 8, margin = 8;
  if (search.empty()) return Picture(top, 64, 3, 1.0F);
  const int epochs = static_cast<int>(search.size());
  const int step = std::max(1, 480 / epochs), left = margin + widest(blocks) + 6;
  const int strip = top + static_cast<int>(blocks.size()) * row + gap;
  Picture picture(margin + static_cast<int>(tasks.size()) * strip, left + epochs * step + margin, 3,
                  1.0F);
  fill_box(picture, 0, 0, picture.height, picture.width, {0.12F, 0.12F, 0.14F});
  for (size_t k = 0; k < tasks.size(); ++k) {
    const int y0 = margin + static_cast<int>(k) * strip;
    draw_text(picture, y0, margin, tasks[k]);
    for (size_t l = 0; l < blocks.size(); ++l) {
      const int y = y0 + top + static_cast<int>(l) * row;
      draw_text(picture, y + 1, margin, blocks[l]);
      for (int e = 0; e < epochs; ++e)
        fill_box(picture, y, left + e * step, row - 1, step,
                 shade(search[static_cast<size_t>(e)].probability[k][l]));
    }
  }
  return picture;
}

}  // namespace weft
