// From the results of sets that differ in train_groups to lines.
#include "train/study/transfer.h"

#include <algorithm>
#include <map>
#include <set>

#include "train/pictures/plot.h"

namespace weft {
namespace {

/// A method's error of one task: by groups, then by seed. 0 groups: all of them.
using Errors = std::map<size_t, std::map<int64_t, double>>;

struct Transfer {
  std::string metric;
  std::vector<Errors> methods;
};

/// Adds what the finished cells of a set say of the task.
void add_set(Transfer& transfer, const StudyResult& result, const std::string& task,
             size_t groups) {
  for (size_t m = 0; m < result.rows.size(); ++m)
    for (const RunSummary& run : result.rows[m].runs)
      for (const TaskResult& found : run.results) {
        if (found.task != task || found.metrics.empty()) continue;
        const Metric& metric = found.metrics[0];
        transfer.metric = metric.name;
        if (metric.value && *metric.value > 0)
          transfer.methods[m][groups][run.seed] = *metric.value;
      }
}

double mean_of(const std::map<int64_t, double>& seeds) {
  std::vector<Measure> values;
  for (const auto& [seed, value] : seeds) values.push_back(value);
  return *spread_of(values).mean;
}

std::string picture_of(const Study& study, const std::string& task, const Transfer& transfer) {
  Plot plot;
  plot.title = fmt::format("{}: {} (thin: seeds, thick: their mean, level: all groups)", task,
                           transfer.metric);
  plot.x_label = "groups that it trains on";
  plot.logarithmic = true;
  double least_x = 1e300, most_x = 0, least_y = 1e300, most_y = 0;
  for (const Errors& errors : transfer.methods)
    for (const auto& [groups, seeds] : errors)
      for (const auto& [seed, value] : seeds) {
        least_y = std::min(least_y, value);
        most_y = std::max(most_y, value);
        if (groups == 0) continue;
        least_x = std::min(least_x, static_cast<double>(groups));
        most_x = std::max(most_x, static_cast<double>(groups));
      }
  plot.x = {least_x / 1.1, most_x * 1.1};
  plot.y = {least_y / 1.1, most_y * 1.1};
  std::vector<PlotLine> means;
  for (size_t m = 0; m < transfer.methods.size(); ++m) {
    const std::string& name = study.methods[m].name;
    const Rgb colour = line_colour(m);
    std::map<int64_t, PlotLine> by_seed;
    PlotLine mean{{}, colour, 2.2, 1, name, /*dots=*/true, /*loose=*/false, line_dash(m)};
    for (const auto& [groups, seeds] : transfer.methods[m]) {
      if (groups == 0) {
        const double level = mean_of(seeds);
        plot.lines.push_back(
            {{{plot.x[0], level}, {plot.x[1], level}}, colour, 1, 0.6, name + ", all groups"});
        continue;
      }
      const auto x = static_cast<double>(groups);
      for (const auto& [seed, value] : seeds) by_seed[seed].points.push_back({x, value});
      mean.points.push_back({x, mean_of(seeds)});
    }
    if (mean.points.empty()) continue;
    plot.legend.push_back({name, colour, mean.dash});
    for (const auto& [seed, line] : by_seed)
      plot.lines.push_back({line.points, colour, 0.8, 0.45, name + ", one seed"});
    means.push_back(std::move(mean));
  }
  plot.lines.insert(plot.lines.end(), means.begin(), means.end());
  return draw_plot(plot);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> transfer_curves(
    const Study& study, const std::vector<StudyCell>& cells,
    const std::vector<StudyResult>& results) {
  // Tasks in the order of their sets, each with the run file that it is cut in.
  std::vector<std::pair<std::string, std::string>> cut;
  std::map<std::string, std::set<size_t>> numbers;
  std::map<size_t, const RunFile*> run_of;
  for (const StudyCell& cell : cells) run_of.emplace(cell.set, &cell.run);
  for (const auto& [set, run] : run_of)
    for (const TaskSpec& task : run->tasks) {
      if (task.train_groups.empty()) continue;
      if (numbers[task.name].empty()) cut.emplace_back(task.name, study.sets[set].run);
      numbers[task.name].insert(task.train_groups.size());
    }
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& task_and_file : cut) {
    const std::string &name = task_and_file.first, &file = task_and_file.second;
    if (numbers[name].size() < 2) continue;
    Transfer transfer;
    transfer.methods.resize(study.methods.size());
    for (const auto& [set, run] : run_of) {
      if (study.sets[set].run != file) continue;
      const auto others_whole =
          std::none_of(run->tasks.begin(), run->tasks.end(),
                       [&](const auto& t) { return t.name != name && !t.train_groups.empty(); });
      if (!others_whole) continue;
      for (const TaskSpec& task : run->tasks)
        if (task.name == name) add_set(transfer, results[set], name, task.train_groups.size());
    }
    size_t points = 0;
    for (const Errors& errors : transfer.methods)
      for (const auto& [groups, seeds] : errors) points += groups > 0 ? 1 : 0;
    if (points > 0) out.emplace_back("transfer-" + name, picture_of(study, name, transfer));
  }
  return out;
}

}  // namespace weft
