// Cross-stitch networks (Misra et al., CVPR 2016, arXiv 1604.03539): K trunks of which each, where
// a stage ends, goes on with a learned mixture of all K feature maps:
//   x~_k = sum_j a_kj x_j,  a_kk = 0.9 and a_kj = 0.1 / (K - 1) at first
// a is a scalar a stage, or a vector over channels (share.per_channel). Tasks that need each other
// move a towards mixing; a = I is single-task. The weights learn at lr times share.lr_factor.
// Parameters: K trunks and, a stage, K^2 (per channel K^2 C) weights: "sharing.stitch.stage2.seg"
// is the row of task seg, [K] or [K, C].
#include "models/sharing/stitch.h"
#include "models/sharing/task_trunks.h"
#include "models/sharing/way.h"

namespace weft {
namespace {

class CrossStitch final : public Model {
 public:
  CrossStitch(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options), trunks_(store_, options) {
    const auto& tasks = options.tasks;
    for (size_t s = 0; s < trunks_.stages().size(); ++s) {
      const int64_t channels = options.share.per_channel ? trunks_.stages()[s].channels : 0;
      for (size_t k = 0; k < tasks.size(); ++k)
        stitches_.emplace_back(store_, fmt::format("stage{}.{}", s + 1, tasks[k].name),
                               mostly_own(tasks.size(), k, 0.9), channels);
    }
    make_heads(trunks_.first());
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const size_t tasks = trunks_.size();
    std::vector<Var> x = trunks_.stem(pass, images);
    for (size_t s = 0; s < trunks_.stages().size(); ++s) {
      const std::vector<Var> y = trunks_.run(pass, trunks_.stages()[s], x);
      for (size_t k = 0; k < tasks; ++k) x[k] = stitches_[s * tasks + k](pass, y);
    }
    return run_heads(pass, x);
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunks_.first().cost(height, width);
    const auto tasks = static_cast<int64_t>(trunks_.size());
    ModelCost cost = count(trunk, trunks_.size());
    cost.trunk = trunks_.macs(trunk);
    for (const TrunkStage& stage : trunks_.stages()) {
      const int64_t map = TaskTrunks::map_after(stage, trunk).numel();
      cost.sharing += Macs{map, map} * (tasks * tasks);
    }
    return cost;
  }

  const Trunk& trunk() const override { return trunks_.first(); }

 private:
  TaskTrunks trunks_;
  std::vector<Stitch> stitches_;  ///< of stage s and task k at s K + k
};

}  // namespace

WayOfSharing cross_stitch_way() {
  return {
      .make = make_way<CrossStitch>, .trunks = {.own = 1}, .keys = {"lr_factor", "per_channel"}};
}

}  // namespace weft
