// summarise: one field after the other.
#include "train/loop/summarise.h"

#include "models/channel_levels.h"
#include "models/collapse.h"
#include "models/plan.h"
#include "models/sharing/per_input.h"
#include "models/sharing/way.h"
#include "train/step/build.h"
#include "train/step/choose_policy.h"

namespace weft {

std::vector<std::vector<double>> shown_probability(const RunFile& run, const TrainState& state,
                                                   Model& model) {
  if (model.policy() == nullptr) return {};
  if (!state.chosen.weights.empty()) return state.chosen.weights;
  if (searches(run, true)) return model.policy()->probabilities();
  std::vector<std::vector<double>> given;
  const WayOfSharing& way = way_of(run.sharing);
  const bool levels = way.levels && !way.functions;  // the share of a block, as a policy's mean is
  for (const std::vector<int>& task : state.chosen.select) {
    std::vector<double>& row = given.emplace_back();
    for (const int gate : task)
      row.push_back(levels ? level_shares.at(static_cast<size_t>(gate)) : gate != 0);
  }
  return given;
}

std::optional<std::string> routes_text(const RunFile& run, Model& model) {
  const PerInput* own = per_input(model);
  if (own == nullptr || !way_of(run.sharing).functions) return std::nullopt;
  const auto together = own->executed().together();
  if (!together) return std::nullopt;
  return collapse_text(*together, "images");
}

RunSummary summarise(const RunFile& run, const Dataset& data, Model& model, const TrainState& state,
                     const Measured& measured, const std::vector<TaskResult>& results) {
  RunSummary s;
  s.sharing = run.sharing;
  s.name = run.name + "-" + name_of(s.sharing);
  s.device = run.device;
  s.seed = run.seed;
  s.tasks = model.task_names();
  s.blocks = block_names(model.trunk());
  s.policy = state.chosen.select;
  s.probability = shown_probability(run, state, model);
  const bool functions = way_of(run.sharing).functions;
  if (functions && model.policy() != nullptr)
    s.together = same_gates(state.chosen, model.policy()->skip_layer());
  const Gates gates = gates_of(state.chosen);
  const auto [height, width] = input_size(run, data);
  const ModelCost cost = model.cost(height, width, gates.empty() ? nullptr : &gates);
  s.trunk_parameters = cost.body_parameters();
  s.head_parameters = cost.head_parameters;
  s.trunk_gflop = 2e-9 * static_cast<double>(cost.body().dense);
  if (const PerInput* own = per_input(model); own != nullptr && own->executed().images > 0) {
    s.trunk_gflop = 2e-9 * own->executed().mean();
    s.trunk_gflop_spread = 2e-9 * own->executed().spread();
    s.trunk_parameters -= own->idle_parameters(height, width);
    // Without a test what was executed last is another part's.
    if (functions && !results.empty()) s.together = own->executed().together();
  }
  s.trunk_parameters_of_one =
      static_cast<double>(s.trunk_parameters) / static_cast<double>(cost.one_trunk_parameters);
  s.heads_gflop = 2e-9 * static_cast<double>(cost.heads.dense);
  for (Stage stage : {Stage::warmup, Stage::search, Stage::retrain})
    s.seconds[name_of(stage)] = measured.seconds[static_cast<size_t>(stage)];
  const double in_steps = measured.in_steps();
  s.waited_share = in_steps > 0 ? measured.waited / in_steps : 0;
  s.peak_bytes = measured.peak_bytes;
  s.steps = state.total_step;
  s.skipped = state.skipped;
  s.best_step = state.best_step;
  s.best_steps = state.task_best_step;
  if (state.best_step >= 0 && s.best_steps.empty())
    s.kept_best.emplace_back(state.best_step, state.best_score);
  for (const KeptStep& kept : state.next_best) s.kept_best.emplace_back(kept.step, kept.score);
  for (Stage stage : {Stage::warmup, Stage::search, Stage::retrain})
    if (const int64_t step = state.stopped[static_cast<size_t>(stage)]; step >= 0)
      s.stopped[name_of(stage)] = step;
  s.results = results;
  return s;
}

}  // namespace weft
