// Stages in order, and what they train with.
#include "train/loop/stage.h"

#include <algorithm>

namespace weft {
namespace {

constexpr const char* part_names[] = {"train", "weights", "retrain", ""};

}  // namespace

SearchClock search_clock(const RunFile& run, const Dataset& data, const Parts& parts,
                         bool has_policy) {
  if (!has_policy) return {1, 1};  // it never searches
  const auto once_over = [&](int64_t steps, const std::vector<int64_t>& part) {
    if (steps > 0 || part.empty()) return std::max<int64_t>(steps, 1);
    return plan_epoch(data, part, train_loader_options(run, data, "search", 0)).batches;
  };
  return {once_over(run.policy.weight_steps, parts.weights),
          once_over(run.policy.logit_steps, parts.policy)};
}

Stage first_with_steps(const RunFile& run, Stage stage) {
  if (stage == Stage::warmup && stage_steps(run, stage) == 0) stage = Stage::search;
  if (stage == Stage::search && stage_steps(run, stage) == 0) stage = Stage::retrain;
  return stage;
}

Stage stage_after(Stage stage, bool has_policy) {
  if (!has_policy) return Stage::done;
  return stage == Stage::warmup   ? Stage::search
         : stage == Stage::search ? Stage::retrain
                                  : Stage::done;
}

Phase phase_of(const TrainState& state, const SearchClock& clock) {
  switch (state.stage) {
    case Stage::warmup:
      return Phase::warmup;
    case Stage::search:
      return clock.phase(state.step);
    case Stage::retrain:
      return Phase::retrain;
    case Stage::done:
      break;
  }
  return Phase::infer;
}

StepInputs inputs_of(const TrainState& state, const SearchClock& clock, const RunFile& run,
                     Model& model, Phase phase) {
  StepInputs in;
  in.phase = phase;
  in.seed = static_cast<uint64_t>(run.seed);
  in.step = static_cast<uint32_t>(state.total_step);
  if (state.stage == Stage::search) {
    const int64_t epoch = clock.epoch(state.step);
    in.temperature = SearchClock::temperature(run.policy, epoch);
    in.active = model.policy()->active(epoch, run.policy.curriculum_speed);
  }
  if (!state.chosen.select.empty()) in.chosen = &state.chosen;
  return in;
}

StageTools::StageTools(const AnyContext& context, const RunFile& run, const Dataset& data,
                       const Parts& parts, Model& model, const TrainState& state,
                       const SearchClock& clock) {
  const auto loader = [&](const std::vector<int64_t>& samples, const std::string& part,
                          int64_t cursor) {
    return std::make_unique<Loader>(data, samples, train_loader_options(run, data, part, cursor));
  };
  const std::string part = part_names[static_cast<int>(state.stage)];
  if (state.stage != Stage::done && TaskBalance::wanted(run))
    balance_ = std::make_unique<TaskBalance>(run, context);
  switch (state.stage) {
    case Stage::warmup:
    case Stage::retrain:
      loader_ = loader(parts.train, part, state.step);
      weights_ = make_optimizer(context, model, run, phase_of(state, clock));
      return;
    case Stage::search:
      if (parts.weights.empty() || parts.policy.empty())
        throw DataError(
            "data: the training set is too small to divide into a weights part and a policy part");
      loader_ = loader(parts.weights, part, clock.weight_cursor(state.step));
      policy_loader_ = loader(parts.policy, "policy", clock.policy_cursor(state.step));
      weights_ = make_optimizer(context, model, run, Phase::weights);
      logits_ = make_optimizer(context, model, run, Phase::policy);
      return;
    case Stage::done:
      return;
  }
}

std::vector<Optimizer*> StageTools::optimizers() const {
  std::vector<Optimizer*> out;
  for (auto* optimizer : {weights_.get(), logits_.get()})
    if (optimizer != nullptr) out.push_back(optimizer);
  return out;
}

}  // namespace weft
