// Lines of balance.jsonl to squares and curves.
#include "train/cli/balance_pictures.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "io/files.h"
#include "train/pictures/cosine_picture.h"
#include "train/pictures/plot.h"
#include "train/run_folder/conflict.h"
#include "train/run_folder/run_record.h"

namespace weft::cli {
namespace {

/// A curve a task of log10 of value_of(record, place among its tasks), over the run's steps; a value
/// of 0 or less, or none, breaks no curve and is not in it. "": nothing to draw.
std::string draw_curves(
    const std::string& title, const std::vector<std::string>& tasks,
    const std::vector<BalanceLine>& lines,
    const std::function<double(const BalanceRecord& record, size_t place)>& value_of) {
  constexpr double none = std::numeric_limits<double>::infinity();
  Plot plot;
  plot.title = title + ", log10";
  plot.x_label = "step";
  plot.x = plot.y = {none, -none};
  const auto widen = [](std::array<double, 2>& range, double v) {
    range = {std::min(range[0], v), std::max(range[1], v)};
  };
  for (size_t k = 0; k < tasks.size(); ++k) {
    PlotLine curve{{}, line_colour(1 + k), 1.5, 1, tasks[k]};
    curve.dash = line_dash(1 + k);
    for (const BalanceLine& line : lines)
      for (size_t i = 0; i < line.record.tasks.size(); ++i) {
        if (line.record.tasks[i] != k) continue;
        const double value = value_of(line.record, i);
        if (!(value > 0)) continue;
        curve.points.push_back({static_cast<double>(line.step), std::log10(value)});
        widen(plot.x, curve.points.back()[0]);
        widen(plot.y, curve.points.back()[1]);
      }
    plot.legend.push_back({tasks[k], curve.colour, curve.dash});
    plot.lines.push_back(std::move(curve));
  }
  if (plot.x[0] > plot.x[1]) return "";
  for (auto* range : {&plot.x, &plot.y})  // a range of one value has none
    if ((*range)[1] - (*range)[0] < 1e-9) *range = {(*range)[0] - 0.5, (*range)[1] + 0.5};
  return draw_plot(plot);
}

}  // namespace

void write_balance_pictures(const std::string& folder, const std::vector<std::string>& tasks) {
  const std::string path = folder + "/balance.jsonl", pictures = folder + "/pictures/";
  if (!is_there(path)) return;
  const std::vector<BalanceLine> lines = read_balance(path, tasks);
  const Conflict conflict = conflict_of(lines, tasks.size());
  if (!conflict.stages.empty())
    write_file(pictures + "cosines.svg", draw_cosines(tasks, conflict.stages, conflict.cosines));
  const auto write = [&](const char* name, const std::string& svg) {
    if (!svg.empty()) write_file(pictures + name, svg);
  };
  write("gradient_norms.svg",
        draw_curves("norms of the tasks' gradients at what they share", tasks, lines,
                    [](const BalanceRecord& record, size_t place) {
                      return record.stages.empty() ? 0 : record.stages.back().norms[place];
                    }));
  write("weights.svg", draw_curves("weights of the tasks", tasks, lines,
                                   [](const BalanceRecord& record, size_t place) {
                                     return record.weights.empty() ? 0 : record.weights[place];
                                   }));
}

}  // namespace weft::cli
