// Halves, a toy: the first half of the blocks (and the stem) runs once for all tasks, the second
// half is each task's own, a copy a task.
//   h = blocks 0 .. L/2 - 1 (x);   y_k = head_k(blocks_k L/2 .. L - 1 (h))
// Names: torchvision's in the first half, "trunks.TASK." and those in the second. Parameters: one
// first half, K second halves.
#include "models/sharing/sharing.h"

namespace weft {
namespace {

class Halves final : public Model {
 public:
  Halves(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options) {
    // A trunk is made whole, and its blocks have names only then: one that is thrown away tells them.
    ParameterStore measured(context, dtype);
    const auto model = make_trunk(measured, "", options.trunk, options.seed);
    half_ = model->blocks() / 2;
    one_ = measured.count();
    const auto in_common = [&](const std::string& name) {
      for (int l = half_; l < model->blocks(); ++l)
        if (name.rfind(model->block_name(l) + ".", 0) == 0) return false;
      return true;
    };
    for (const TaskShape& task : options.tasks) {
      const std::string prefix = "trunks." + task.name + ".";
      const ParameterStore::InCommon common(store_, prefix, in_common);
      trunks_.push_back(make_trunk(store_, prefix, options.trunk, options.seed));
    }
    make_heads(trunk());
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const Var h = run_blocks(pass, trunk(), 0, half_, trunk().stem(pass, images));
    return run_heads(
        pass, [&](size_t k) { return run_blocks(pass, *trunks_[k], half_, trunk().blocks(), h); });
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunks_[0]->cost(height, width);
    ModelCost cost = count(trunk);
    cost.one_trunk_parameters = one_;
    cost.trunk = trunk.stem;
    const auto tasks = static_cast<int64_t>(trunks_.size());
    for (size_t l = 0; l < trunk.residual.size(); ++l) {
      const int64_t runs = static_cast<int>(l) < half_ ? 1 : tasks;
      cost.trunk += trunk.residual[l] * runs;
      cost.trunk += trunk.shortcut[l] * runs;
    }
    return cost;
  }

  const Trunk& trunk() const override { return *trunks_[0]; }

 private:
  int half_ = 0;     ///< blocks that all tasks share
  int64_t one_ = 0;  ///< parameters of a whole trunk
  std::vector<std::unique_ptr<Trunk>> trunks_;
};

}  // namespace

std::unique_ptr<Model> make_halves(AnyContext context, DType dtype, const ModelOptions& options) {
  return std::make_unique<Halves>(context, dtype, options);
}

}  // namespace weft
