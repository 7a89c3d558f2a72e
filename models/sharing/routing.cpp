// Routing networks (Rosenbaum, Klinger and Riemer, ICLR 2018, arXiv 1711.01239), tabular: one trunk
// with M function blocks at each place, of which a task takes one by its router, K heads. With the
// function block m_{k,l} that route_policy.h draws and routed_block.h holds:
//   x_{l+1,k} = ReLU(r + F_l^m(x)),  r = shortcut_l(x_{l,k})
// Tasks that have come the same way share it: what runs is decided by models/plan. Without a sample a
// training pass (warm-up) is routed by chance, by the logits as they are, an evaluation by the
// likeliest ones. Where straight-through Gumbel trains the logits, every task's pass runs all function
// blocks, x_{l+1} = sum_m z_m f_m (every_choice.h). Parameters: 1 trunk, whose places from
// policy.skip_layer on have M function blocks ("layer1.0.f1.conv1.weight"), K heads, K [n, M] logits.
#include <numeric>
#include <set>

#include "models/every_choice.h"
#include "models/route_policy.h"
#include "models/sharing/routed.h"
#include "models/sharing/sharing.h"
#include "models/sharing/way.h"

namespace weft {
namespace {

class Routing final : public Model {
 public:
  Routing(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options),
        trunk_(make_trunk(store_, "", routed(shared_trunk(), options, options.policy.skip_layer),
                          options.seed)) {
    make_heads(*trunk_);
    policy_.emplace(store_, task_names(), trunk_->blocks(), options.policy, options.seed,
                    options.share.functions, options.share.estimator, options.share.baseline);
  }

  std::vector<Var> forward(Pass& pass, const Var& images,
                           const PolicySample* sample) const override {
    if (sample != nullptr && !sample->p.empty()) {
      std::vector<int> all(static_cast<size_t>(policy_->choices()));
      std::iota(all.begin(), all.end(), 1);
      return run_heads(pass,
                       run_every_choice(pass, *trunk_, images, *sample, all, separate_inputs()));
    }
    PolicySample own;
    if (sample == nullptr)
      own.gates =
          gates_of(pass.training ? policy_->sample_binary(pass.noise.seed, pass.noise.step, 0)
                                 : policy_->most_likely());
    const Features features = run_shared(pass, *trunk_, images, sample != nullptr ? sample : &own);
    return run_heads(pass, [&](size_t k) { return features.of_task(static_cast<int>(k)); });
  }

  /// Without gates: all function blocks, and MACs of tasks that all take one path.
  ModelCost cost(int64_t height, int64_t width, const Gates* gates) const override {
    const TrunkCost trunk = trunk_->cost(height, width);
    ModelCost cost = count(trunk);
    const size_t blocks = trunk.functions.size();
    const Gates one_path(options_.tasks.size(), std::vector<Gate>(blocks));
    cost.trunk = gates != nullptr ? shared_plan(gates, /*training=*/false).macs(trunk)
                                  : make_plan(one_path).macs(trunk);
    for (size_t l = 0; l < blocks; ++l) {
      const auto& [functions, parameters] = trunk.functions[l];
      cost.one_trunk_parameters -= (functions - 1) * parameters;
      if (gates == nullptr) continue;
      std::set<int> taken;  // what nobody takes is no part of the network
      for (const std::vector<Gate>& task : *gates)
        if (task[l].kind != Gate::Kind::skip) taken.insert(task[l].level);
      cost.trunk_parameters -= (functions - static_cast<int>(taken.size())) * parameters;
    }
    return cost;
  }

  Policy* policy() override { return &*policy_; }
  const Trunk& trunk() const override { return *trunk_; }

 private:
  std::unique_ptr<Trunk> trunk_;
  std::optional<RoutePolicy> policy_;  ///< always there: its parameters come after the heads'
};

}  // namespace

WayOfSharing routing_way() {
  return {.make = make_way<Routing>,
          .trunks = {.shared = 1},
          .per_task = PerTask::all,
          .features_differ = true,
          .planned = true,
          .policy = true,
          .levels = true,
          .functions = true,
          .keys = {"estimator", "baseline", "functions"}};
}

}  // namespace weft
