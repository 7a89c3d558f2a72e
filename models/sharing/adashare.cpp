// AdaShare (Sun et al., NeurIPS 2020, arXiv 1911.12423): one trunk whose residual blocks each task
// executes or skips by a learned policy, K heads. Parameters: 1 trunk, K heads, K [n, 2] logits.
//   x_{l+1,k} = ReLU(r + F_l(x)) p_{k,l,0} + r p_{k,l,1},  r = shortcut_l(x_{l,k})
// Without a sample (warm-up) it is hard sharing. What runs is decided by models/plan.
#include "models/sharing/sharing.h"
#include "models/sharing/way.h"

namespace weft {
namespace {

class AdaShare final : public Model {
 public:
  AdaShare(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options),
        trunk_(make_trunk(store_, "", shared_trunk(), options.seed)) {
    make_heads(*trunk_);
    policy_.emplace(store_, task_names(), trunk_->blocks(), options.policy, options.seed);
  }

  std::vector<Var> forward(Pass& pass, const Var& images,
                           const PolicySample* sample) const override {
    const Features features = run_shared(pass, *trunk_, images, sample);
    return run_heads(pass, [&](size_t k) { return features.of_task(static_cast<int>(k)); });
  }

  ModelCost cost(int64_t height, int64_t width, const Gates* gates) const override {
    const TrunkCost trunk = trunk_->cost(height, width);
    ModelCost cost = count(trunk);
    cost.trunk = shared_plan(gates, /*training=*/false).macs(trunk);
    return cost;
  }

  Policy* policy() override { return &*policy_; }
  const Trunk& trunk() const override { return *trunk_; }

 private:
  std::unique_ptr<Trunk> trunk_;
  std::optional<Policy> policy_;  ///< always there: its parameters come after the heads'
};

}  // namespace

WayOfSharing adashare_way() {
  return {.make = make_way<AdaShare>,
          .trunks = {.shared = 1},
          .per_task = PerTask::all,
          .features_differ = true,
          .planned = true,
          .policy = true};
}

}  // namespace weft
