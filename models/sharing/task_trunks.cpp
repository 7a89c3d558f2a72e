// TaskTrunks: creation, running and counting.
#include "models/sharing/task_trunks.h"

#include "models/execute.h"
#include "ops/slice.h"

namespace weft {

TaskTrunks::TaskTrunks(ParameterStore& store, const ModelOptions& options)
    : separate_inputs_(options.separate_inputs) {
  for (const TaskShape& task : options.tasks)
    trunks_.push_back(make_trunk(store, "trunks." + task.name + ".", options.trunk, options.seed));
  stages_ = first().stages();
}

std::vector<Var> TaskTrunks::stem(Pass& pass, const Var& images) const {
  std::vector<Var> x;
  const int64_t rows = images.shape()[0] / static_cast<int64_t>(trunks_.size());
  for (size_t k = 0; k < trunks_.size(); ++k)
    x.push_back(trunks_[k]->stem(
        pass, separate_inputs_ ? slice(images, 0, static_cast<int64_t>(k) * rows, rows) : images));
  return x;
}

std::vector<Var> TaskTrunks::run(Pass& pass, const TrunkStage& stage,
                                 const std::vector<Var>& x) const {
  std::vector<Var> y;
  for (size_t k = 0; k < trunks_.size(); ++k)
    y.push_back(run_blocks(pass, *trunks_[k], stage.begin, stage.end, x[k]));
  return y;
}

Macs TaskTrunks::macs(const TrunkCost& of_one) const {
  const Macs one = make_plan(all_selected(1, first().blocks())).macs(of_one);
  return one * static_cast<int64_t>(trunks_.size());
}

Shape TaskTrunks::map_after(const TrunkStage& stage, const TrunkCost& cost) {
  return cost.maps[static_cast<size_t>(stage.end - 1)];
}

}  // namespace weft
