// Lines of metrics.jsonl to lines of a plot.
#include "train/report/run_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/pictures/plot.h"

namespace weft {
namespace {

constexpr size_t most_points = 160;  ///< of a training line: as many as can be told apart

/// What is drawn of a task in a run, a list a stage.
struct Losses {
  std::vector<std::vector<Point>> training, evaluated;
  Phase phase = Phase::infer;

  void add(const MetricsLine& line) {
    // The steps of the search alternate, and are one stage.
    const Phase stage = line.phase == Phase::policy ? Phase::weights : line.phase;
    if (training.empty() || stage != phase) {
      training.emplace_back();
      evaluated.emplace_back();
    }
    phase = stage;
    (line.metrics.empty() ? training : evaluated)
        .back()
        .push_back({static_cast<double>(line.step), *line.loss});
  }
};

/// Means of neighbours, so that at most most_points are left.
std::vector<Point> thinned(const std::vector<Point>& points, size_t together) {
  std::vector<Point> out;
  for (size_t i = 0; i < points.size(); i += together) {
    const size_t n = std::min(together, points.size() - i);
    Point mean{0, 0};
    for (size_t j = i; j < i + n; ++j)
      for (size_t c = 0; c < 2; ++c) mean[c] += points[j][c] / static_cast<double>(n);
    out.push_back(mean);
  }
  return out;
}

std::string picture_of(const std::string& task, const std::vector<std::string>& names,
                       const std::vector<Losses>& runs) {
  Plot plot;
  plot.title = task + ": loss in training (thin) and evaluation (dots)";
  plot.x_label = "step";
  std::vector<double> all;
  std::vector<PlotLine> evaluations;
  double last = 0, steps = 1;
  for (size_t r = 0; r < runs.size(); ++r) {
    const Rgb colour = line_colour(1 + r);
    const Dash dash = line_dash(1 + r);
    size_t points = 0;
    for (const auto& stage : runs[r].training) points += stage.size();
    if (runs.size() > 1) plot.legend.push_back({names[r], colour, dash});
    for (const auto& stage : runs[r].training) {
      PlotLine line{thinned(stage, 1 + points / most_points), colour, 1, 0.55,
                    names[r] + ", training"};
      for (const Point& p : line.points) all.push_back(p[1]);
      plot.lines.push_back(std::move(line));
    }
    for (const auto& stage : runs[r].evaluated)
      evaluations.push_back({stage, colour, 2, 1, names[r], /*dots=*/true, /*loose=*/false, dash});
    for (const auto* stages : {&runs[r].training, &runs[r].evaluated})
      for (const auto& stage : *stages)
        for (const Point& p : stage) steps = std::max(steps, p[0]);
  }
  for (const PlotLine& line : evaluations) {
    for (const Point& p : line.points) all.push_back(p[1]);
    if (!line.points.empty()) last = std::max(last, line.points.back()[1]);
  }
  plot.x = {0, 1.01 * steps};
  plot.y = settled_range(std::move(all), last);
  plot.lines.insert(plot.lines.end(), evaluations.begin(), evaluations.end());
  return draw_plot(plot, 300);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> run_curves(const std::vector<NamedMetrics>& runs) {
  std::vector<std::string> tasks, names;
  std::vector<std::vector<Losses>> by_task;  // [task][run]
  for (const auto& [name, lines] : runs) names.push_back(name);
  for (size_t r = 0; r < runs.size(); ++r)
    for (const MetricsLine& line : runs[r].second) {
      // The final test is of one step; no point can show what is no number.
      if (line.phase == Phase::infer || !line.loss || !std::isfinite(*line.loss)) continue;
      const auto found = std::find(tasks.begin(), tasks.end(), line.task);
      const auto k = static_cast<size_t>(found - tasks.begin());
      if (found == tasks.end()) {
        tasks.push_back(line.task);
        by_task.emplace_back(runs.size());
      }
      by_task[k][r].add(line);
    }
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t k = 0; k < tasks.size(); ++k)
    out.emplace_back(tasks[k], picture_of(tasks[k], names, by_task[k]));
  return out;
}

}  // namespace weft
