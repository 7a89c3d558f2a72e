// What a run has to say at its end: counts of the model, and what was measured on the way.
#include <algorithm>
#include <numeric>

#include "models/plan.h"
#include "train/loop/trainer.h"
#include "train/step/choose_policy.h"

namespace weft {

RunSummary Trainer::summary(const std::vector<TaskResult>& results) const {
  RunSummary s;
  s.name = run_.name + "-" + run_.sharing;
  s.sharing = run_.sharing;
  s.device = run_.device;
  s.seed = run_.seed;
  s.tasks = model_->task_names();
  s.blocks = block_names(model_->trunk());
  s.policy = state_.drawn.select;
  if (model_->policy() != nullptr) s.probability = model_->policy()->probabilities();
  const Gates gates = gates_from(state_.drawn.select);
  const auto [height, width] = input_size(run_, data_);
  const ModelCost cost = model_->cost(height, width, gates.empty() ? nullptr : &gates);
  s.trunk_parameters = cost.body_parameters();
  s.head_parameters = cost.head_parameters;
  s.trunk_parameters_of_one =
      static_cast<double>(cost.body_parameters()) / static_cast<double>(cost.one_trunk_parameters);
  s.trunk_gflop = 2e-9 * static_cast<double>(cost.body().dense);
  s.heads_gflop = 2e-9 * static_cast<double>(cost.heads.dense);
  const Measured m = measured();
  for (Stage stage : {Stage::warmup, Stage::search, Stage::retrain})
    s.seconds[name_of(stage)] = m.seconds[static_cast<size_t>(stage)];
  s.waited_share = step_seconds() > 0 ? m.waited / step_seconds() : 0;
  s.peak_bytes = m.peak_bytes;
  s.steps = state_.total_step;
  s.skipped = state_.skipped;
  s.best_step = state_.best_step;
  s.best_steps = state_.task_best_step;
  s.results = results;
  return s;
}

double Trainer::step_seconds() const {
  return std::accumulate(measured_.seconds.begin(), measured_.seconds.end(), 0.0);
}

Measured Trainer::measured() const {
  Measured m = measured_;
  const auto peak = static_cast<int64_t>(memory_of(context_).counters().peak_bytes);
  m.peak_bytes = std::max(m.peak_bytes, peak);
  return m;
}

}  // namespace weft
