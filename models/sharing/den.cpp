// DEN (Ahn et al., ICCV 2019, by its estimator's idea), as AdaShare's comparison has it: one trunk,
// each of whose residual blocks a task executes with 0, 25, 50 or 100 % of the inner channels, K
// heads. Of L blocks and level a_{k,l} (channel_policy.h draws it, nested_block.h has F):
//   x_{l+1,k} = ReLU(r + F_l^a(x)) at a > 0, r at 0,  r = shortcut_l(x_{l,k})
// Without a sample (warm-up) it is hard sharing. Parameters: 1 trunk in groups, K heads, K [n, 4]
// logits, by REINFORCE a baseline a task. What runs is decided by models/plan: tasks of one input and
// one level share it. Where straight-through Gumbel trains the logits, every task's pass runs each
// block at every level, x_{l+1} = sum_a p_a F^a + p_0 r with a one-hot p, so that each level has its
// gradient; batch norm's running statistics follow the level that was drawn, as by REINFORCE.
#include <algorithm>

#include "models/channel_policy.h"
#include "models/every_choice.h"
#include "models/sharing/sharing.h"
#include "models/sharing/way.h"

namespace weft {
namespace {

TrunkOptions in_groups(TrunkOptions trunk) {
  if (trunk.kind != TrunkOptions::Kind::resnet)
    throw ConfigError(
        "sharing: \"den\" divides the inner channels of a ResNet's blocks, and model.trunk is "
        "another; choose a resnet, or another sharing");
  trunk.nested = true;
  return trunk;
}

class Den final : public Model {
 public:
  Den(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options),
        trunk_(make_trunk(store_, "", in_groups(shared_trunk()), options.seed)) {
    make_heads(*trunk_);
    policy_.emplace(store_, task_names(), trunk_->blocks(), options.policy, options.seed,
                    options.share.estimator, options.share.baseline);
  }

  std::vector<Var> forward(Pass& pass, const Var& images,
                           const PolicySample* sample) const override {
    if (sample != nullptr && !sample->p.empty() && sample->p[0].shape()[1] == all_channels + 1)
      return run_heads(
          pass, run_every_choice(pass, *trunk_, images, *sample, {3, 2, 1, 0}, separate_inputs()));
    const Features features = run_shared(pass, *trunk_, images, sample);
    return run_heads(pass, [&](size_t k) { return features.of_task(static_cast<int>(k)); });
  }

  ModelCost cost(int64_t height, int64_t width, const Gates* gates) const override {
    const TrunkCost trunk = trunk_->cost(height, width);
    ModelCost cost = count(trunk);
    cost.trunk = shared_plan(gates, /*training=*/false).macs(trunk);
    for (size_t l = 0; gates != nullptr && l < trunk.levels.size(); ++l) {
      int top = 0;  // what nobody executes is no part of the network
      for (const std::vector<Gate>& task : *gates)
        top = std::max(top, task[l].kind == Gate::Kind::skip ? 0 : task[l].level);
      cost.trunk_parameters -=
          trunk.levels[l].back().parameters - trunk.levels[l][static_cast<size_t>(top)].parameters;
    }
    return cost;
  }

  Policy* policy() override { return &*policy_; }
  const Trunk& trunk() const override { return *trunk_; }

 private:
  std::unique_ptr<Trunk> trunk_;
  std::optional<ChannelPolicy> policy_;  ///< always there: its parameters come after the heads'
};

}  // namespace

WayOfSharing den_way() {
  return {.make = make_way<Den>,
          .trunks = {.shared = 1},
          .per_task = PerTask::all,
          .features_differ = true,
          .planned = true,
          .policy = true,
          .levels = true,
          .keys = {"estimator", "baseline"}};
}

}  // namespace weft
