// The best step: noted, and looked for in its file.
#include "train/loop/best_step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "train/run_folder/checkpoint.h"
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

}  // namespace

bool note_best(TrainState& state, double score) {
  if (!(score < state.best_score)) return false;
  state.best_score = score;
  state.best_step = state.total_step;
  return true;
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

std::string forget_lost_best(TrainState& state, const RunFile& run, const std::string& path) {
  if (state.best_step < 0) return "";
  std::string why;
  try {
    SafetensorsFile(path).verify();
    const TrainState saved = read_checkpoint(path).state;
    const int64_t step = saved.total_step;
    if (step == state.best_step) return "";
    if (run.eval.best == Best::per_task) {
      forget_later_tasks(state, saved);
      return "";
    }
    why = fmt::format("{} is of run step {}", path, step);
  } catch (const DataError& e) {
    why = e.what();
  }
  const int64_t lost = std::exchange(state.best_step, -1);
  state.best_score = none;
  state.task_best_step.clear();
  state.task_best_score.clear();
  return fmt::format("{}; the best so far was of run step {}: it is counted anew from here", why,
                     lost);
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
