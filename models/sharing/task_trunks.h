// TaskTrunks: K trunks side by side, one a task ("trunks.TASK." + torchvision's names), run stage
// by stage so that a way of sharing can exchange features where a stage ends.
//   x_k: [N, H, W, C] of task k
#pragma once

#include "models/sharing/sharing.h"

namespace weft {

class TaskTrunks {
 public:
  TaskTrunks(ParameterStore& store, const ModelOptions& options);

  size_t size() const { return trunks_.size(); }
  const Trunk& first() const { return *trunks_[0]; }
  const std::vector<TrunkStage>& stages() const { return stages_; }
  /// The stem of every trunk on the same images, or on the task's own rows of a stack.
  std::vector<Var> stem(Pass&, const Var& images) const;
  std::vector<Var> run(Pass&, const TrunkStage& stage, const std::vector<Var>& x) const;

  /// MACs an image of all trunks; the maps of one.
  Macs macs(const TrunkCost& of_one) const;
  /// [H', W', C] after the stage.
  static Shape map_after(const TrunkStage& stage, const TrunkCost& cost);

 private:
  std::vector<std::unique_ptr<Trunk>> trunks_;
  std::vector<TrunkStage> stages_;
  bool separate_inputs_;
};

}  // namespace weft
