// Committee, a toy: a trunk for each task, of which every task's head reads the mean.
//   y_k = head_k(1 / K sum_j trunk_j(x))
// Parameters: K trunks ("trunks.TASK....").
#include "models/sharing/task_trunks.h"
#include "models/sharing/way.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

class Committee final : public Model {
 public:
  Committee(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options), trunks_(store_, options) {
    make_heads(trunks_.first());
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    std::vector<Var> x = trunks_.stem(pass, images);
    for (const TrunkStage& stage : trunks_.stages()) x = trunks_.run(pass, stage, x);
    Var sum = x[0];
    for (size_t k = 1; k < x.size(); ++k) sum = add(sum, x[k]);
    const Var mean = scale(sum, 1.0 / static_cast<double>(x.size()));
    return run_heads(pass, [&](size_t) { return mean; });
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunks_.first().cost(height, width);
    ModelCost cost = count(trunk, trunks_.size());
    cost.trunk = trunks_.macs(trunk);
    return cost;
  }

  const Trunk& trunk() const override { return trunks_.first(); }

 private:
  TaskTrunks trunks_;
};

}  // namespace

WayOfSharing committee_way() { return {.make = make_way<Committee>, .trunks = {.own = 1}}; }

}  // namespace weft
