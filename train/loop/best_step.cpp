// The best step: noted, and looked for in its file.
#include "train/loop/best_step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
#include "train/step/choice.h"

namespace weft {
namespace {

constexpr double none = std::numeric_limits<double>::infinity();

/// The file has some tasks' networks of a later step: those are counted anew, and the run comes by
/// their steps again; the others are there as the state says.
void forget_later_tasks(TrainState& state, const TrainState& saved) {
  state.best_step = -1;
  state.best_score = 0;
  for (size_t k = 0; k < state.task_best_step.size(); ++k) {
    const bool there =
        k < saved.task_best_step.size() && saved.task_best_step[k] == state.task_best_step[k];
    if (!there) {
      state.task_best_step[k] = -1;
      state.task_best_score[k] = none;
    } else if (state.task_best_step[k] >= 0) {
      state.best_step = std::max(state.best_step, state.task_best_step[k]);
      state.best_score += state.task_best_score[k];
    }
  }
}

/// The best steps in order.
std::vector<KeptStep> best_of(const TrainState& state) {
  if (state.best_step < 0) return {};
  std::vector<KeptStep> best{{state.best_step, state.best_score}};
  best.insert(best.end(), state.next_best.begin(), state.next_best.end());
  return best;
}

/// No more than `keep` of them.
void set_best(TrainState& state, std::vector<KeptStep> best, int64_t keep) {
  if (best.size() > static_cast<size_t>(keep)) best.resize(static_cast<size_t>(keep));
  state.best_step = best.empty() ? -1 : best[0].step;
  state.best_score = best.empty() ? none : best[0].score;
  state.next_best.assign(best.empty() ? best.begin() : best.begin() + 1, best.end());
}

/// Those of which the folder has the file, with its number. Files are in the order of the state:
/// what was put between them since is of later steps.
std::vector<std::pair<int64_t, KeptStep>> found_in(const std::string& folder,
                                                   const TrainState& state) {
  std::vector<std::pair<int64_t, KeptStep>> out;
  const auto files = whole_checkpoints(folder, "best");
  auto file = files.begin();
  for (const KeptStep& kept : best_of(state)) {
    const auto at = std::find_if(file, files.end(),
                                 [&](const auto& entry) { return entry.second == kept.step; });
    if (at == files.end()) continue;
    out.emplace_back(at->first, kept);
    file = at + 1;
  }
  return out;
}

}  // namespace

std::optional<size_t> note_best(TrainState& state, const RunFile& run, double score) {
  if (!(score < none)) return std::nullopt;
  std::vector<KeptStep> best = best_of(state);
  const auto worse = [&](const KeptStep& kept) { return score < kept.score; };
  const auto at = std::find_if(best.begin(), best.end(), worse);
  const auto place = static_cast<size_t>(at - best.begin());
  if (place >= static_cast<size_t>(run.eval.keep)) return std::nullopt;
  best.insert(at, {state.total_step, score});
  set_best(state, best, run.eval.keep);
  return place;
}

std::vector<std::string> note_best_of_tasks(TrainState& state, const RunFile& run,
                                            const std::vector<TaskResult>& results) {
  const size_t tasks = run.tasks.size();
  const std::vector<Measure> now = task_scores(run, results);
  std::vector<double>& best = state.task_best_score;
  best.resize(tasks, none);
  state.task_best_step.resize(tasks, -1);
  std::vector<std::string> improved;
  state.best_score = 0;
  for (size_t k = 0; k < tasks; ++k) {
    // Where there is no label nothing tells its steps apart: the last counts.
    const double own = now[k].value_or(0);
    if (!now[k] || own < best[k]) {
      best[k] = own;
      state.task_best_step[k] = state.best_step = state.total_step;
      improved.push_back(run.tasks[k].name);
    }
    if (std::isfinite(best[k])) state.best_score += best[k];
  }
  return improved;
}

std::string forget_lost_best(TrainState& state, const RunFile& run, const std::string& folder) {
  if (state.best_step < 0) return "";
  const std::string path = checkpoint_path(folder, "best");
  const int64_t lost = state.best_step;
  std::string why;
  try {
    SafetensorsFile(path).verify();
    const TrainState saved = read_checkpoint(path).state;
    if (run.eval.best == Best::per_task) {
      if (saved.total_step != state.best_step) forget_later_tasks(state, saved);
      return "";
    }
    why = fmt::format("{} is of run step {}", path, saved.total_step);
  } catch (const DataError& e) {
    why = e.what();
  }
  state.task_best_step.clear();
  state.task_best_score.clear();
  std::vector<KeptStep> found;
  for (const auto& [number, kept] : found_in(folder, state)) found.push_back(kept);
  set_best(state, found, run.eval.keep);
  if (state.best_step == lost) return "";
  return fmt::format("{}; the best so far was of run step {}: {}", why, lost,
                     found.empty() ? "it is counted anew from here"
                                   : fmt::format("that of run step {}, the next best, takes its "
                                                 "place",
                                                 state.best_step));
}

void put_best_in_order(const std::string& folder, const TrainState& state) {
  if (state.best_step < 0 || !state.task_best_step.empty()) return;
  std::vector<int64_t> numbers;
  for (const auto& [number, kept] : found_in(folder, state)) numbers.push_back(number);
  keep_checkpoints(folder, "best", numbers);
}

void require_best(const TrainState& state, const std::string& path, const std::string& folder) {
  const int64_t step = read_checkpoint(path).state.total_step;
  if (step != state.best_step)
    throw DataError(
        fmt::format("{}: is of run step {}, and this run's best is of step {}: another "
                    "process wrote it? go on with: weft train --resume {}",
                    path, step, state.best_step, folder));
}

}  // namespace weft
