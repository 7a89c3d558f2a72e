// check_state: what TrainState's types cannot say. Where a run stands follows from its run file, so
// every number here has a range.
#include <algorithm>
#include <cmath>

#include "train/run_folder/checkpoint.h"

namespace weft {
namespace {

class StateCheck {
 public:
  StateCheck(const TrainState& state, const RunFile& run, Model& model, const std::string& path)
      : state_(state), run_(run), model_(model), path_(path) {}

  void stage() const {
    const bool early = state_.stage == Stage::warmup || state_.stage == Stage::search;
    require(searched() || !early,
            fmt::format("stage {}, but this run has re-training alone", name_of(state_.stage)));
    const int64_t steps = stage_steps(run_, state_, state_.stage);
    require(state_.step <= steps, fmt::format("step {} of a stage ({}) that has {}", state_.step,
                                              name_of(state_.stage), steps));
    const int64_t total = before(state_.stage) + state_.step;
    require(state_.total_step == total,
            fmt::format("run step {}, but step {} of {} is run step {}", state_.total_step,
                        state_.step, name_of(state_.stage), total));
  }

  void chosen() const {
    const Policy* policy = model_.policy();
    const bool late = state_.stage == Stage::retrain || state_.stage == Stage::done;
    const auto& select = state_.chosen.select;
    if (policy == nullptr || !late) {
      require(select.empty() && state_.chosen.weights.empty() && state_.chosen_how.empty(),
              "a drawn policy, where this run can have none yet");
      return;
    }
    const auto tasks = model_.task_names();
    require(select.size() == tasks.size(),
            fmt::format("a drawn policy of {} tasks for {}", select.size(), tasks.size()));
    const auto& weights = state_.chosen.weights;
    require(weights.size() == (weighs_blocks(run_) ? tasks.size() : 0),
            fmt::format("a drawn policy with weights of {} tasks under retrain.gates = \"{}\"",
                        weights.size(), name_of(run_.retrain.gates)));
    for (size_t k = 0; k < tasks.size(); ++k) {
      require(static_cast<int>(select[k].size()) == policy->blocks(),
              fmt::format("task '{}' has {} gates for {} blocks", tasks[k], select[k].size(),
                          policy->blocks()));
      for (int gate : select[k])
        require(gate >= policy->least() && gate <= policy->most(),
                fmt::format("task '{}': a gate is {} {} {}, not {}", tasks[k], policy->least(),
                            policy->choices() == 2 ? "or" : "to", policy->most(), gate));
      if (weights.empty()) continue;
      require(weights[k].size() == select[k].size() &&
                  std::count(select[k].begin(), select[k].end(), 1) == policy->blocks(),
              fmt::format("task '{}' has {} weights for {} blocks, all of which it executes",
                          tasks[k], weights[k].size(), policy->blocks()));
    }
  }

  void best() const {
    require(state_.best_step >= 0 || state_.next_best.empty(), "a next best step without a best");
    if (state_.best_step < 0) return;
    require(state_.best_step > before(Stage::retrain) && state_.best_step <= state_.total_step,
            fmt::format("the best step is {}, and re-training began after {} and is at {}",
                        state_.best_step, before(Stage::retrain), state_.total_step));
    require(std::isfinite(state_.best_score), "the best score is no number");
    double before_it = state_.best_score;
    for (const KeptStep& kept : state_.next_best) {
      require(kept.step > before(Stage::retrain) && kept.step <= state_.total_step &&
                  kept.score >= before_it,
              fmt::format("run step {} with score {} after one of {} among the best", kept.step,
                          kept.score, before_it));
      before_it = kept.score;
    }
    if (run_.eval.best != Best::per_task) return;
    const auto& steps = state_.task_best_step;
    require(steps.size() == run_.tasks.size() && state_.task_best_score.size() == steps.size(),
            fmt::format("best steps of {} tasks for {}", steps.size(), run_.tasks.size()));
    require(*std::max_element(steps.begin(), steps.end()) == state_.best_step,
            "the tasks' best steps do not end with the run's");
  }

  void patience() const {
    for (const Stage stage : {Stage::warmup, Stage::search, Stage::retrain}) {
      const int64_t at = state_.stopped[static_cast<size_t>(stage)];
      require(
          at < 0 ||
              (stage != Stage::search && stage <= state_.stage && at < stage_steps(run_, stage)),
          fmt::format("{} stopped at step {} of {}", name_of(stage), at, stage_steps(run_, stage)));
    }
    const Patience& p = state_.patience;
    const size_t scores = run_.eval.best == Best::per_task ? run_.tasks.size() : 1;
    require(p.best.empty() || p.best.size() == scores,
            fmt::format("{} scores are waited for, not {}", p.best.size(), scores));
    require(p.step <= state_.total_step && p.waited <= state_.total_step,
            fmt::format("{} evaluations since run step {}", p.waited, p.step));
  }

  void search() const {
    if (state_.search_step < 0) return;
    require(searched() && run_.policy.from == PolicyFrom::best,
            "the search's best logits, which this run does not keep");
    const int64_t last = before(Stage::search) + run_.policy.steps;
    require(
        state_.search_step > before(Stage::search) &&
            state_.search_step <= std::min(last, state_.total_step),
        fmt::format("the search's best step is {}, and the search has {} to {}", state_.search_step,
                    before(Stage::search) + 1, std::min(last, state_.total_step)));
    require(std::isfinite(state_.search_score), "the search's best score is no number");
    const auto& logits = model_.policy()->logits();
    require(state_.search_logits.size() == logits.size(),
            fmt::format("the search's best logits of {} tasks for {}", state_.search_logits.size(),
                        logits.size()));
    for (size_t k = 0; k < logits.size(); ++k) {
      const auto& row = state_.search_logits[k];
      require(static_cast<int64_t>(row.size()) == logits[k]->value.numel(),
              fmt::format("'{}' has {} of the search's best logits for {}", logits[k]->name,
                          row.size(), logits[k]->value.numel()));
      for (double x : row) require(std::isfinite(x), "the search's best logits are no numbers");
    }
  }

 private:
  void require(bool ok, const std::string& what) const {
    if (!ok)
      throw DataError(
          fmt::format("{}: the trainer's state does not fit its run file: {}", path_, what));
  }
  bool searched() const { return searches(run_, model_.policy() != nullptr); }
  /// Run steps before a stage.
  int64_t before(Stage stage) const {
    int64_t steps = 0;
    for (Stage s : {Stage::warmup, Stage::search, Stage::retrain})
      if (s < stage && (searched() || s == Stage::retrain)) steps += stage_steps(run_, state_, s);
    return steps;
  }

  const TrainState& state_;
  const RunFile& run_;
  Model& model_;
  const std::string& path_;
};

}  // namespace

void check_state(const TrainState& state, const RunFile& run, Model& model,
                 const std::string& path) {
  const StateCheck check(state, run, model, path);
  check.stage();
  check.chosen();
  check.best();
  check.patience();
  check.search();
}

}  // namespace weft
