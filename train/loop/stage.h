// The stages of a run (warmup, search, retrain, done) and what each trains with: loaders that stand
// at the stage's step, optimizers, a balance of tasks, the inputs of a step. All follows from the state and the run file,
// so that a resumed run makes the same.
#pragma once

#include <memory>

#include "data/split.h"
#include "train/step/build.h"
#include "train/step/step.h"
#include "train/step/task_balance.h"

namespace weft {

/// Policy epochs: 0 steps in the run file are once over the part, as in the official code.
SearchClock search_clock(const RunFile& run, const Dataset& data, const Parts& parts,
                         bool has_policy);

/// `stage`, or the first of search and retrain after it that has steps to do; retrain in any case.
Stage first_with_steps(const RunFile& run, Stage stage);
/// The stage after one that ends; a model without a policy has but one.
Stage stage_after(Stage stage, bool has_policy);
/// What the step after `state` does; infer where the run is done.
Phase phase_of(const TrainState& state, const SearchClock& clock);
/// Inputs of that step in `phase`, without its batch.
StepInputs inputs_of(const TrainState& state, const SearchClock& clock, const RunFile& run,
                     Model& model, Phase phase);

/// Loaders, optimizers and the balance of tasks of a stage.
class StageTools {
 public:
  StageTools() = default;
  /// Of the state's stage, the loaders at its step.
  StageTools(const AnyContext& context, const RunFile& run, const Dataset& data, const Parts& parts,
             Model& model, const TrainState& state, const SearchClock& clock);

  bool open() const { return loader_ != nullptr; }
  Loader& loader(Phase phase) { return *(phase == Phase::policy ? policy_loader_ : loader_); }
  /// Of the stage's weights steps; null: plain sums.
  TaskBalance* balance() const { return balance_.get(); }
  Optimizer& optimizer(Phase phase) { return *(phase == Phase::policy ? logits_ : weights_); }
  /// Those there are.
  std::vector<Optimizer*> optimizers() const;

 private:
  std::unique_ptr<Loader> loader_, policy_loader_;
  std::unique_ptr<Optimizer> weights_, logits_;
  std::unique_ptr<TaskBalance> balance_;
};

}  // namespace weft
