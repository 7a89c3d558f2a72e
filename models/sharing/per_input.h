// Per input: the ways of sharing whose policy is a function of the image, by a small network that
// looks at it before the trunk does (models/policy_network.h). Policies are one for all tasks, or
// one a task (share.decisions); decisions are [policy][image][block]. Evaluation runs a batch row by
// row as each image's decisions say, and counts what it ran.
//   blockdrop.h    which blocks an image executes        spottune.cpp   which of two copies of each
//   input_routing.h   which function block at each place
#pragma once

#include <memory>
#include <optional>

#include "models/policy_network.h"
#include "models/row_plan.h"
#include "models/sharing/sharing.h"

namespace weft {

/// What images executed in evaluation, counted as it was run: trunk and policy network, MACs an
/// image, dense.
struct Executed {
  int64_t images = 0;
  double sum = 0, squares = 0;
  /// [block][decision]: how many images, under each of their policies, decided so.
  std::vector<std::vector<int64_t>> taken = {};

  double mean() const;
  /// Standard deviation between images.
  double spread() const;
  /// In how much of the places two of them decide alike, mean over pairs; nullopt: there are no two.
  std::optional<double> together() const;
};

/// Phases of a run whose way is phased, by share.full_steps and share.policy_steps: weights alone,
/// the policy not yet asked; then the policy alone, weights as they are; then both.
enum class PerInputPhase : uint8_t { full, policy, joint };

class PerInput : public Model {
 public:
  /// Throws ConfigError where the trunk's inputs are nothing that a policy network can look at.
  PerInput(AnyContext context, DType dtype, const ModelOptions& options);

  size_t policies() const;
  /// Which policy task k executes.
  size_t policy_of(size_t k) const { return policies() == 1 ? 0 : k; }

  PerInputPhase phase_at(uint32_t step) const;

  /// Outputs of every task under several decisions at once: [of decisions][task]. Rows are shared
  /// where decisions begin alike. Counts nothing: training looks at decisions in this way, too.
  std::vector<std::vector<Var>> run(Pass& pass, const Var& images,
                                    const std::vector<Decisions>& decisions) const;
  /// To be called after a step that was taken.
  virtual void stepped() {}

  /// `trunk` is of an image under one policy that executes all blocks; executed() has what was run.
  ModelCost cost(int64_t height, int64_t width, const Gates*) const override;
  const Trunk& trunk() const override { return *trunk_; }

  /// Of the evaluations since it was last forgotten.
  const Executed& executed() const { return executed_; }
  void forget_executed() { executed_ = {}; }
  /// Parameters of the function blocks that no image took there.
  int64_t idle_parameters(int64_t height, int64_t width) const;

 protected:
  /// The policy network, with so many logits a policy and block, which start near `first`.
  void make_network(int64_t logits, double first);
  /// Its logits on the host, unrecorded, as decisions carry no gradient.
  Tensor host_logits(const Pass& pass, const Var& images) const;
  /// The same, to evaluate by; NumericError where one is no number: a comparison with it would
  /// decide without a word.
  Tensor sound_logits(const Pass& pass, const Var& images) const;
  /// Every task's output in evaluation, under these decisions, which are counted.
  std::vector<Var> evaluate(Pass& pass, const Var& images, const Decisions& decisions) const;
  /// What is behind the last block, [rows, h, w, C], and what it costs each image.
  virtual Var execute(Pass& pass, const RowPlan& plan, const Var& images) const;
  virtual std::vector<Macs> macs_of(const RowPlan& plan, const TrunkCost& cost) const;

  std::unique_ptr<Trunk> trunk_;
  std::optional<PolicyNetwork> network_;

 private:
  /// One evaluation of images [N, H, W, C]; `trunk`: MACs of each image in the trunk.
  void count_executed(const std::vector<Macs>& trunk, const Decisions& decisions,
                      const Shape& images) const;

  mutable Executed executed_;
};

/// f(block, place) of every policy, image and block, a decision or whether to execute; `place`: in
/// values [images, policies, blocks].
template <class F>
Decisions decide(size_t policies, int64_t images, int64_t blocks, F&& f) {
  Decisions out(policies);
  for (size_t v = 0; v < policies; ++v)
    for (int64_t n = 0; n < images; ++n) {
      auto& row = out[v].emplace_back();
      for (int64_t l = 0; l < blocks; ++l) {
        const int64_t place =
            (n * static_cast<int64_t>(policies) + static_cast<int64_t>(v)) * blocks + l;
        row.push_back(static_cast<uint8_t>(f(l, static_cast<size_t>(place))));
      }
    }
  return out;
}

/// Null where the model's policy is no function of its input.
PerInput* per_input(Model& model);
/// Whether the last of `steps` steps trained what will be tested: not, while a policy per input has
/// not begun to learn beside the weights.
bool learns_as_tested(Model& model, int64_t steps);

}  // namespace weft
