// Trainer: evaluations while training, and the best step that they choose: one for all tasks by the
// sum of their scores (train/step/choice.h), or each single-task network's own. The best checkpoint is
// written between two others, so that it can be of a later step than the one a run goes on from.
#include <algorithm>
#include <cmath>
#include <limits>

#include "train/loop/trainer.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/choice.h"

namespace weft {

/// `best` has to be of the step that the state calls the best. Else it is of a later one, which the
/// run comes by again where its settings are the same, or it is damaged or gone: then the best is
/// counted anew from here, rather than weights tested that were not the best.
void Trainer::forget_lost_best() {
  if (state_.best_step < 0) return;
  std::string why;
  try {
    const std::string path = folder_->checkpoint("best");
    SafetensorsFile(path).verify();
    const TrainState saved = read_checkpoint(path).state;
    const int64_t step = saved.total_step;
    if (step == state_.best_step) return;
    if (run_.eval.best == "per-task") return forget_later_tasks(saved);
    why = fmt::format("{} is of run step {}", path, step);
  } catch (const DataError& e) {
    why = e.what();
  }
  say(fmt::format("{}; the best so far was of run step {}: it is counted anew from here", why,
                  state_.best_step));
  state_.best_step = -1;
  state_.best_score = std::numeric_limits<double>::infinity();
  state_.task_best_step.clear();
  state_.task_best_score.clear();
}

/// The file has some tasks' networks of a later step: those are counted anew, and the run comes by
/// their steps again; the others are there as the state says.
void Trainer::forget_later_tasks(const TrainState& saved) {
  state_.best_step = -1;
  state_.best_score = 0;
  for (size_t k = 0; k < state_.task_best_step.size(); ++k) {
    const bool there =
        k < saved.task_best_step.size() && saved.task_best_step[k] == state_.task_best_step[k];
    if (!there) {
      state_.task_best_step[k] = -1;
      state_.task_best_score[k] = std::numeric_limits<double>::infinity();
    } else if (state_.task_best_step[k] >= 0) {
      state_.best_step = std::max(state_.best_step, state_.task_best_step[k]);
      state_.best_score += state_.task_best_score[k];
    }
  }
}

/// What is tested at the end.
void Trainer::recall_best() {
  const std::string path = folder_->checkpoint("best");
  const int64_t step = read_checkpoint(path).state.total_step;
  if (step != state_.best_step)
    throw DataError(
        fmt::format("{}: is of run step {}, and this run's best is of step {}: another "
                    "process wrote it? go on with: weft train --resume {}",
                    path, step, state_.best_step, folder_->path()));
  load_model(path, *model_);
}

void Trainer::evaluate_and_keep_best() {
  const std::string& split = run_.eval.split;
  const auto& indices = split == "val" ? parts_.val : split == "test" ? parts_.test : parts_.train;
  if (indices.empty()) return;
  const auto results = evaluate_split(split, run_.eval.batches);
  const Phase phase = state_.stage == Stage::search ? Phase::weights : current_phase();
  write_results(phase, split, results);
  if (observer_ != nullptr) observer_->on_eval(state_.stage, split, results);
  if (!check_results(phase, split, results)) return;
  // Chosen on validation data; the test split reports and never chooses.
  if (split == "test") return;
  if (state_.stage == Stage::search) return keep_best_policy(score(run_, results));
  if (state_.stage != Stage::retrain) return;
  if (run_.eval.best == "per-task") return keep_best_of_tasks(results);
  const double now = score(run_, results);
  if (!(now < state_.best_score)) return;
  state_.best_score = now;
  state_.best_step = state_.total_step;
  if (folder_) save("best");
}

/// Each task's network as it was when its own validation score was best, in one checkpoint.
void Trainer::keep_best_of_tasks(const std::vector<TaskResult>& results) {
  const size_t tasks = run_.tasks.size();
  const std::vector<Measure> now = task_scores(run_, results);
  std::vector<double>& best = state_.task_best_score;
  best.resize(tasks, std::numeric_limits<double>::infinity());
  state_.task_best_step.resize(tasks, -1);
  const bool first = state_.best_step < 0;
  std::vector<std::string> improved;
  state_.best_score = 0;
  for (size_t k = 0; k < tasks; ++k) {
    // Where there is no label nothing tells its steps apart: the last counts.
    const double own = now[k].value_or(0);
    if (!now[k] || own < best[k]) {
      best[k] = own;
      state_.task_best_step[k] = state_.best_step = state_.total_step;
      improved.push_back(run_.tasks[k].name);
    }
    if (std::isfinite(best[k])) state_.best_score += best[k];
  }
  if (improved.empty() || !folder_) return;
  save_best_of_tasks(folder_->checkpoint("best"), *model_, first ? model_->task_names() : improved,
                     {state_, print_run_file(run_), learned_});
}

void Trainer::write_results(Phase phase, const std::string& split,
                            const std::vector<TaskResult>& results) {
  if (!folder_) return;
  for (const TaskResult& r : results) {
    std::vector<Metric> metrics = r.metrics;
    if (r.constant) metrics.push_back({constant_loss, r.constant, false});
    folder_->write(MetricsLine{phase, state_.total_step, 0, split, r.task, r.loss, metrics,
                               seconds(), r.faults});
  }
}

}  // namespace weft
