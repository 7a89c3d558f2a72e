// Per input: the ways of sharing whose policy is a function of the image, by a small network that
// looks at it before the trunk does (models/policy_network.h). Policies are one for all tasks, or
// one a task (share.decisions); decisions are [policy][image][block]. Evaluation runs a batch row by
// row as each image's decisions say, and counts what it ran.
//   blockdrop.h    which blocks an image executes        spottune.cpp   which of two copies of each
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

class PerInput : public Model {
 public:
  /// Throws ConfigError where the trunk's inputs are nothing that a policy network can look at.
  PerInput(AnyContext context, DType dtype, const ModelOptions& options);

  size_t policies() const;
  /// Which policy task k executes.
  size_t policy_of(size_t k) const { return policies() == 1 ? 0 : k; }

  /// `trunk` is of an image under one policy that executes all blocks; executed() has what was run.
  ModelCost cost(int64_t height, int64_t width, const Gates*) const override;
  const Trunk& trunk() const override { return *trunk_; }

  /// Of the evaluations since it was last forgotten.
  const Executed& executed() const { return executed_; }
  void forget_executed() { executed_ = {}; }

 protected:
  /// The policy network, with so many logits a policy and block, which start near `first`.
  void make_network(int64_t logits, double first);
  /// One evaluation of images [N, H, W, C]; `trunk`: MACs of each image in the trunk.
  void count_executed(const std::vector<Macs>& trunk, const Shape& images) const;

  std::unique_ptr<Trunk> trunk_;
  std::optional<PolicyNetwork> network_;

 private:
  mutable Executed executed_;
};

/// f(block, place) of every policy, image and block; `place`: in values [images, policies, blocks].
template <class F>
Decisions decide(size_t policies, int64_t images, int64_t blocks, F&& f) {
  Decisions out(policies);
  for (size_t v = 0; v < policies; ++v)
    for (int64_t n = 0; n < images; ++n) {
      auto& row = out[v].emplace_back();
      for (int64_t l = 0; l < blocks; ++l) {
        const int64_t place =
            (n * static_cast<int64_t>(policies) + static_cast<int64_t>(v)) * blocks + l;
        row.push_back(f(l, static_cast<size_t>(place)) ? 1 : 0);
      }
    }
  return out;
}

/// Null where the model's policy is no function of its input.
PerInput* per_input(Model& model);

}  // namespace weft
