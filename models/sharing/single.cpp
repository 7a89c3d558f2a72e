// Single-task: K networks side by side, nothing shared; the reference of Delta_T. Trained in one
// run on the same batches, since gradients never meet. Parameters: K trunks ("trunks.TASK....").
//   y_k = head_k(trunk_k(x))
#include "models/sharing/sharing.h"
#include "models/sharing/way.h"
#include "ops/slice.h"

namespace weft {
namespace {

class SingleTask final : public Model {
 public:
  SingleTask(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options) {
    for (const TaskShape& task : options.tasks)
      trunks_.push_back(
          make_trunk(store_, "trunks." + task.name + ".", options.trunk, options.seed));
    make_heads(*trunks_[0]);
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const Plan plan = make_plan(all_selected(1, trunk().blocks()));
    const int64_t rows =
        images.shape()[0] / (separate_inputs() ? static_cast<int64_t>(trunks_.size()) : 1);
    return run_heads(pass, [&](size_t k) {
      const Var own =
          separate_inputs() ? slice(images, 0, static_cast<int64_t>(k) * rows, rows) : images;
      return run_trunk(pass, *trunks_[k], plan, {}, own).stacked;
    });
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunks_[0]->cost(height, width);
    ModelCost cost = count(trunk, trunks_.size());
    const Macs one = make_plan(all_selected(1, trunks_[0]->blocks())).macs(trunk);
    cost.trunk = one * static_cast<int64_t>(trunks_.size());
    return cost;
  }

  const Trunk& trunk() const override { return *trunks_[0]; }

 private:
  std::vector<std::unique_ptr<Trunk>> trunks_;
};

}  // namespace

WayOfSharing single_way() {
  return {.make = make_way<SingleTask>,
          .trunks = {.own = 1},
          .per_task = PerTask::all,
          .any_trunk = true};
}

}  // namespace weft
