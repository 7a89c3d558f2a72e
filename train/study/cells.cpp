// The cells of a study: which runs there are, what they are made of, which trial wins.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "engine/error.h"
#include "models/sharing/way.h"
#include "train/run_file/difference.h"
#include "train/run_file/toml/toml_document.h"
#include "train/run_folder/run_folder.h"
#include "train/run_folder/summary.h"
#include "train/step/choice.h"
#include "train/step/state.h"
#include "train/study/study.h"

namespace weft {
namespace fs = std::filesystem;
namespace {

std::string device_setting(DeviceKind device) { return fmt::format("device={}", name_of(device)); }

StudyCell make_cell(const Study& study, size_t set, size_t method, std::optional<size_t> trial,
                    int64_t seed) {
  const StudySet& s = study.sets[set];
  const StudyMethod& m = study.methods[method];
  StudyCell cell;
  cell.set = set;
  cell.method = method;
  cell.trial = trial;
  cell.seed = seed;
  cell.settings = s.settings;
  cell.settings.push_back(fmt::format("sharing={}", name_of(*m.sharing)));
  if (m.sharing == Sharing::single) cell.settings.push_back("eval.best=per-task");
  cell.settings.insert(cell.settings.end(), m.settings.begin(), m.settings.end());
  if (trial)
    cell.settings.insert(cell.settings.end(), m.trials[*trial].begin(), m.trials[*trial].end());
  cell.settings.push_back(fmt::format("seed={}", seed));
  if (study.device) cell.settings.push_back(device_setting(*study.device));
  cell.folder = fmt::format("{}/{}", study.out, cell_name(study, cell));
  try {
    cell.run = parse_run_file(s.run, cell.settings);
  } catch (const ConfigError& e) {
    throw ConfigError(
        fmt::format("{}: method '{}' on set '{}': {}", study.source, m.name, s.name, e.what()));
  }
  return cell;
}

/// A folder that an earlier version of the study left must not count as this cell. Compared is what
/// was asked: the folder's own run.toml also holds what the data filled in.
void check_settings(const StudyCell& cell) {
  if (!cell.finished() && !cell.resumable()) return;
  if (!fs::exists(cell.asked()))
    throw ConfigError(fmt::format(
        "{}: was not made by a study; remove the folder, or give the study another 'out'",
        cell.folder));
  const RunFile there = parse_run_text(read_toml_text(cell.asked(), "run file"), cell.asked());
  if (const auto difference = first_difference(there, cell.run))
    throw ConfigError(
        fmt::format("{}: was run with other settings ('{}' there, '{}' in the study); remove the "
                    "folder, or give the study another 'out'",
                    cell.folder, difference->first, difference->second));
}

/// The set's task of that name, or the one that stands for it and others ("NAME-VALUE",
/// data.task_column).
TaskSpec task_of(const RunFile& set_run, const std::string& name) {
  const TaskSpec* found = nullptr;
  for (const TaskSpec& task : set_run.tasks) {
    if (task.name == name) return task;
    if (name.rfind(task.name + "-", 0) == 0) found = &task;
  }
  if (found == nullptr) throw DataError(fmt::format("the study's run file has no task '{}'", name));
  return *found;
}

}  // namespace

RunFile set_run_file(const Study& study, size_t set) {
  Words settings = study.sets[set].settings;
  if (study.device) settings.push_back(device_setting(*study.device));
  return parse_run_file(study.sets[set].run, settings);
}

bool Study::compares_trials(int64_t seed) const {
  const auto end = seeds.begin() + trial_seeds;
  return std::find(seeds.begin(), end, seed) != end;
}

bool StudyCell::finished() const { return fs::exists(folder + "/summary.json"); }

bool StudyCell::resumable() const { return fs::exists(folder + "/checkpoints/last.safetensors"); }

std::vector<StudyCell> study_cells(const Study& study) {
  std::vector<StudyCell> cells;
  const auto first = static_cast<size_t>(study.trial_seeds);
  const auto add = [&](size_t from, size_t to) {
    for (size_t set = 0; set < study.sets.size(); ++set)
      for (size_t seed = from; seed < to; ++seed)
        for (size_t method = 0; method < study.methods.size(); ++method) {
          if (study.trials() == 0)
            cells.push_back(make_cell(study, set, method, {}, study.seeds[seed]));
          for (size_t trial = 0; trial < study.trials(); ++trial)
            cells.push_back(make_cell(study, set, method, trial, study.seeds[seed]));
        }
  };
  if (study.trials() > 0) {
    add(0, first);
    add(first, study.seeds.size());
  } else {
    add(0, study.seeds.size());
  }
  for (const StudyCell& cell : cells) check_settings(cell);
  return cells;
}

std::string cell_name(const Study& study, const StudyCell& cell) {
  std::string name = study.sets[cell.set].name + "/" + study.methods[cell.method].name;
  if (cell.trial) name += fmt::format("/trial-{}", *cell.trial + 1);
  return name + fmt::format("/seed-{}", cell.seed);
}

int64_t planned_steps(const RunFile& run) {
  const bool learns_policy = way_of(run.sharing).policy;
  return run.retrain.steps +
         (searches(run, learns_policy) ? run.warmup.steps + run.policy.steps : 0);
}

double validation_score(const StudyCell& cell, const RunFile& set_run) {
  const RunSummary summary = read_summary(cell.folder);
  const auto tested_step = [&](const std::string& task) {
    for (size_t k = 0; k < summary.best_steps.size(); ++k)
      if (summary.tasks[k] == task) return summary.best_steps[k];
    return summary.best_step;
  };
  RunFile run = set_run;  // its weights, for the tasks that the data have
  run.tasks.clear();
  std::vector<TaskResult> results;
  for (const MetricsLine& line : read_metrics(cell.folder + "/metrics.jsonl")) {
    if (line.phase != Phase::retrain || line.split != name_of(cell.run.eval.split) ||
        line.step != tested_step(line.task))
      continue;
    TaskResult result{line.task, line.loss, line.metrics, line.faults, "", std::nullopt};
    for (const Metric& m : line.metrics)
      if (m.name == constant_loss) result.constant = m.value;
    run.tasks.push_back(task_of(set_run, line.task));
    results.push_back(std::move(result));
  }
  if (summary.best_step < 0 || results.empty())
    throw DataError(cell.folder + ": no validation data, so trials cannot be compared");
  return score(run, results);
}

std::vector<std::vector<std::optional<double>>> trial_losses(const Study& study,
                                                             const std::vector<StudyCell>& cells,
                                                             size_t set, size_t method,
                                                             const RunFile& set_run) {
  std::vector<std::vector<std::optional<double>>> out(study.trials());
  for (const StudyCell& cell : cells) {
    if (cell.set != set || cell.method != method || !cell.trial) continue;
    if (!study.compares_trials(cell.seed)) continue;
    auto& losses = out[*cell.trial];
    losses.push_back(cell.finished() ? std::optional(validation_score(cell, set_run))
                                     : std::nullopt);
  }
  return out;
}

std::optional<size_t> best_trial(const std::vector<std::vector<std::optional<double>>>& losses) {
  std::optional<size_t> best;
  double least = std::numeric_limits<double>::infinity();
  for (size_t t = 0; t < losses.size(); ++t) {
    double sum = 0;
    for (const auto& loss : losses[t]) {
      if (!loss) return std::nullopt;
      sum += *loss;
    }
    if (!best || sum < least) {
      best = t;
      least = std::isnan(sum) ? std::numeric_limits<double>::infinity() : sum;
    }
  }
  return best;
}

}  // namespace weft
