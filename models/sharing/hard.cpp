// Hard sharing (Caruana, 1997): one trunk executes every block for everybody, K heads read its
// last feature map. The baseline that every other way is measured against; parameters: 1 trunk.
//   y_k = head_k(trunk(x))
#include "models/sharing/sharing.h"
#include "models/sharing/way.h"

namespace weft {
namespace {

class HardSharing final : public Model {
 public:
  HardSharing(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options),
        trunk_(make_trunk(store_, "", shared_trunk(), options.seed)) {
    make_heads(*trunk_);
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const Features features = run_shared(pass, *trunk_, images, nullptr);
    return run_heads(pass, [&](size_t k) { return features.of_task(static_cast<int>(k)); });
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunk_->cost(height, width);
    ModelCost cost = count(trunk);
    cost.trunk = shared_plan(nullptr, /*training=*/false).macs(trunk);
    return cost;
  }

  const Trunk& trunk() const override { return *trunk_; }

 private:
  std::unique_ptr<Trunk> trunk_;
};

}  // namespace

WayOfSharing hard_way() {
  return {.make = make_way<HardSharing>,
          .trunks = {.shared = 1},
          .per_task = PerTask::all,
          .any_trunk = true,
          .planned = true};
}

}  // namespace weft
