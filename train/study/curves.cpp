// From metrics.jsonl to lines.
#include "train/study/curves.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "train/pictures/plot.h"
#include "train/run_folder/run_folder.h"

namespace weft {
namespace {

constexpr const char* mean_name = "mean";  ///< of a set of many tasks
constexpr size_t most_in_colour = 10;  ///< methods; of more, the first and the best have colours
constexpr size_t best_in_colour = 8;

using Line = std::vector<Point>;

/// One evaluated loss of a task in a run: its stage, then its step.
using Losses = std::map<std::pair<Phase, int64_t>, double>;

struct Curves {
  std::vector<std::vector<Losses>> methods;  ///< by method and seed
  double last_step = 1;
};

/// One line a stage.
std::vector<Line> lines_of(const Losses& losses) {
  std::vector<Line> lines;
  Phase phase = Phase::infer;
  for (const auto& [at, loss] : losses) {
    if (lines.empty() || at.first != phase) lines.emplace_back();
    phase = at.first;
    lines.back().push_back({static_cast<double>(at.second), loss});
  }
  return lines;
}

/// At the steps that every seed has.
Losses mean_of(const std::vector<Losses>& seeds) {
  Losses mean;
  for (const auto& [at, first] : seeds[0]) {
    double sum = 0;
    size_t n = 0;
    for (const Losses& seed : seeds)
      if (const auto found = seed.find(at); found != seed.end()) {
        sum += found->second;
        ++n;
      }
    if (n == seeds.size()) mean[at] = sum / static_cast<double>(n);
  }
  return mean;
}

/// At every evaluation the mean over the tasks that have a loss.
Losses mean_over_tasks(const std::map<std::string, Losses>& tasks) {
  std::map<std::pair<Phase, int64_t>, std::vector<Measure>> all;
  for (const auto& [task, losses] : tasks)
    for (const auto& [at, loss] : losses) all[at].push_back(loss);
  Losses mean;
  for (const auto& [at, losses] : all) mean[at] = *spread_of(losses).mean;
  return mean;
}

/// Of the last evaluation; absent where there is none.
std::optional<double> last_loss(const std::vector<Losses>& seeds) {
  if (seeds.empty()) return std::nullopt;
  const Losses mean = mean_of(seeds);
  return mean.empty() ? std::nullopt : std::optional(mean.rbegin()->second);
}

std::vector<std::optional<double>> last_losses(const Curves& curves) {
  std::vector<std::optional<double>> last;
  for (const auto& seeds : curves.methods) last.push_back(last_loss(seeds));
  return last;
}

/// The methods by their last loss, least first; those that have none come last.
std::vector<size_t> by_last_loss(const std::vector<std::optional<double>>& last) {
  std::vector<size_t> order(last.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return last[a] && (!last[b] || *last[a] < *last[b]);
  });
  return order;
}

/// Of each method which colour, the same in all pictures of a set; none: gray.
using Colours = std::vector<std::optional<size_t>>;

/// Of a few methods each has one. Of many the first has, which others are compared with, and those of the
/// best mean place over the tasks by their last loss.
Colours colours_of(const std::map<std::string, Curves>& by_task, size_t methods) {
  Colours colours(methods);
  std::vector<size_t> seen, places(methods, 0);
  for (size_t m = 0; m < methods; ++m) {
    if (methods <= most_in_colour) colours[m] = m;
    if (std::any_of(by_task.begin(), by_task.end(),
                    [&](const auto& task) { return !task.second.methods[m].empty(); }))
      seen.push_back(m);
  }
  if (methods <= most_in_colour || seen.empty()) return colours;
  for (const auto& [task, curves] : by_task) {
    const auto order = by_last_loss(last_losses(curves));
    for (size_t place = 0; place < methods; ++place) places[order[place]] += place;
  }
  std::stable_sort(seen.begin() + 1, seen.end(),
                   [&](size_t a, size_t b) { return places[a] < places[b]; });
  seen.resize(std::min(seen.size(), 1 + best_in_colour));
  std::sort(seen.begin(), seen.end());
  for (size_t i = 0; i < seen.size(); ++i) colours[seen[i]] = i;
  return colours;
}

/// Of the methods in colour.
std::array<double, 2> loss_range(const Curves& curves, const Colours& colours) {
  std::vector<double> all;
  double last = 0;
  for (size_t m = 0; m < curves.methods.size(); ++m)
    for (const Losses& losses : curves.methods[m]) {
      if (!colours[m]) continue;
      for (const auto& [at, loss] : losses) all.push_back(loss);
      if (!losses.empty()) last = std::max(last, losses.rbegin()->second);
    }
  return settled_range(std::move(all), last);
}

std::string picture_of(const std::string& title, const std::vector<std::string>& names,
                       const Curves& curves, const Colours& colours) {
  Plot plot;
  plot.title = title;
  plot.x_label = "step";
  plot.x = {0, 1.01 * curves.last_step};
  plot.y = loss_range(curves, colours);
  const Rgb gray{0.69F, 0.69F, 0.72F};
  std::vector<PlotLine> grays, means;
  for (size_t m = 0; m < curves.methods.size(); ++m) {
    const auto& seeds = curves.methods[m];
    if (seeds.empty()) continue;
    const Rgb colour = colours[m] ? line_colour(*colours[m]) : gray;
    if (seeds.size() > 1 && colours[m])
      for (const Losses& losses : seeds)
        for (Line& line : lines_of(losses))
          plot.lines.push_back({std::move(line), colour, 0.8, 0.45, names[m] + ", one seed"});
    for (Line& line : lines_of(mean_of(seeds)))
      if (colours[m])
        means.push_back({std::move(line), colour, 2.2, 1, names[m], /*dots=*/true});
      else
        grays.push_back({std::move(line), colour, 1.2, 1, names[m]});
  }
  const auto last = last_losses(curves);
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (!grays.empty()) {
    order = by_last_loss(last);
    plot.legend_note = fmt::format(
        "By their last loss. In colour: the first method and the {} best over all tasks; gray: "
        "means of the others",
        best_in_colour);
  }
  for (const size_t m : order) {
    if (curves.methods[m].empty()) continue;
    const std::string value = grays.empty() || !last[m] ? "" : fmt::format(" {:.4g}", *last[m]);
    plot.legend.push_back({names[m] + value, colours[m] ? line_colour(*colours[m]) : gray});
  }
  plot.lines.insert(plot.lines.begin(), grays.begin(), grays.end());
  plot.lines.insert(plot.lines.end(), means.begin(), means.end());
  return draw_plot(plot);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> study_curves(
    const Study& study, const std::vector<StudyCell>& cells,
    const std::vector<StudyResult>& results) {
  std::vector<std::string> names;
  for (const StudyMethod& method : study.methods) names.push_back(method.name);
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t set = 0; set < results.size(); ++set) {
    std::map<std::string, Curves> by_task;
    std::vector<std::string> tasks;  // in the run file's order
    for (const StudyCell& cell : cells) {
      if (cell.set != set || !cell.finished()) continue;
      if (cell.trial != results[set].rows[cell.method].trial) continue;
      if (tasks.empty())
        for (const TaskSpec& task : cell.run.tasks) tasks.push_back(task.name);
      std::map<std::string, Losses> run;
      for (const MetricsLine& line : read_metrics(cell.folder + "/metrics.jsonl"))
        // Lines without metrics are training steps.
        if (line.split == name_of(cell.run.eval.split) && line.phase != Phase::infer &&
            !line.metrics.empty() && line.loss)
          run[line.task][{line.phase, line.step}] = *line.loss;
      if (tasks.size() > most_tasks_shown) run = {{mean_name, mean_over_tasks(run)}};
      for (auto& [task, losses] : run)  // no point can show what is no number
        std::erase_if(losses, [](const auto& at) { return !std::isfinite(at.second); });
      for (auto& [task, losses] : run) {
        Curves& curves = by_task[task];
        curves.methods.resize(names.size());
        curves.last_step = std::max(curves.last_step, static_cast<double>(planned_steps(cell.run)));
        curves.methods[cell.method].push_back(std::move(losses));
      }
    }
    if (tasks.size() > most_tasks_shown) tasks = {mean_name};
    const Colours colours = colours_of(by_task, names.size());
    for (const std::string& task : tasks)
      if (by_task.count(task) != 0)
        out.emplace_back(
            results[set].set + "-" + task,
            picture_of(
                fmt::format("{}: {} loss on validation data (thin: seeds, thick: their mean)",
                            results[set].set, task),
                names, by_task[task], colours));
  }
  return out;
}

}  // namespace weft
