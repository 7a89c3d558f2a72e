// Single-task: K networks side by side, nothing shared; the reference of Delta_T. Trained in one
// run on the same batches, since gradients never meet. Parameters: K trunks ("trunks.TASK....").
//   y_k = head_k(trunk_k(x))
#include "models/sharing/sharing.h"
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
    heads_ = make_heads(*trunks_[0]);
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const Plan plan = make_plan(all_selected(1, trunk().blocks()));
    std::vector<Var> out;
    const int64_t rows =
        images.shape()[0] / (separate_inputs() ? static_cast<int64_t>(heads_.size()) : 1);
    for (size_t k = 0; k < heads_.size(); ++k) {
      const Var own =
          separate_inputs() ? slice(images, 0, static_cast<int64_t>(k) * rows, rows) : images;
      out.push_back((*heads_[k])(pass, run_trunk(pass, *trunks_[k], plan, {}, own).stacked));
    }
    return out;
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunks_[0]->cost(height, width);
    ModelCost cost;
    count_parameters(cost);
    cost.one_trunk_parameters = cost.trunk_parameters / static_cast<int64_t>(trunks_.size());
    const Macs one = make_plan(all_selected(1, trunks_[0]->blocks())).macs(trunk);
    cost.trunk = one * static_cast<int64_t>(trunks_.size());
    for (const auto& head : heads_) cost.heads += head->cost(trunk.out);
    return cost;
  }

  const Trunk& trunk() const override { return *trunks_[0]; }

 private:
  std::vector<std::unique_ptr<Trunk>> trunks_;
  std::vector<std::unique_ptr<Head>> heads_;
};

}  // namespace

std::unique_ptr<Model> make_single(AnyContext context, DType dtype, const ModelOptions& options) {
  return std::make_unique<SingleTask>(context, dtype, options);
}

}  // namespace weft
