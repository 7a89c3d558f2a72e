// Per input: the ways of sharing whose policy is a function of the image. A PerInput model says what
// each image executes, and runs a batch under whatever decisions it is given; how its policy is
// learned from the losses that follow is train/step/reinforce.h's.
// Decisions are [policy][image][block]; policies are one for all tasks, or one a task
// (share.decisions). Evaluation executes what has p >= 0.5.
#pragma once

#include <memory>

#include "models/policy_network.h"
#include "models/row_plan.h"
#include "models/sharing/sharing.h"

namespace weft {

/// What images executed in evaluation, counted as it was run: trunk and policy network, MACs an
/// image, dense.
struct Executed {
  int64_t images = 0;
  double sum = 0, squares = 0;

  double mean() const;
  /// Standard deviation between images.
  double spread() const;
};

/// Phases of a run, by share.full_steps and share.policy_steps: weights alone, every block executed;
/// then the policy alone, weights as they are; then both.
enum class PerInputPhase : uint8_t { full, policy, joint };

class PerInput : public Model {
 public:
  using Model::Model;

  PerInputPhase phase_at(uint32_t step) const;
  /// Blocks, from the last on, that use the policy at a step; the others are executed.
  int active_at(uint32_t step) const;
  size_t policies() const;
  /// Which policy task k executes.
  size_t policy_of(size_t k) const { return policies() == 1 ? 0 : k; }

  /// images [N, H, W, C] -> [N, policies * blocks]: the chance that a block is executed, bounded:
  /// b s + (1 - b) (1 - s), b = share.bound.
  Var probabilities(Pass& pass, const Var& images) const;
  /// Each block of the last `active` by chance; noise: of the pass. `chances` is probabilities'
  /// value on the host.
  Decisions draw(const Tensor& chances, const Noise& noise, int active) const;
  /// Where the chance is at least 1/2.
  Decisions likely(const Tensor& chances, int active) const;

  /// Outputs of every task under several decisions at once: [of decisions][task]. Rows are shared
  /// where decisions begin alike.
  std::vector<std::vector<Var>> run(Pass& pass, const Var& images,
                                    const std::vector<Decisions>& decisions) const;

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override;
  /// `trunk` is of an image that executes everything for one policy; executed() has what was run.
  ModelCost cost(int64_t height, int64_t width, const Gates*) const override;
  const Trunk& trunk() const override { return *trunk_; }

  /// Of the evaluations since it was last forgotten.
  const Executed& executed() const { return executed_; }
  void forget_executed() { executed_ = {}; }

 protected:
  std::unique_ptr<Trunk> trunk_;
  std::optional<PolicyNetwork> network_;

 private:
  void count_executed(const RowPlan& plan, const Shape& images) const;
  mutable Executed executed_;
};

/// Null where the model's policy is no function of its input.
PerInput* per_input(Model& model);
/// Whether the last of `steps` steps trained what will be tested: not, while a policy per input has
/// not begun to learn beside the weights.
bool learns_as_tested(Model& model, int64_t steps);

}  // namespace weft
