// NDDR-CNN (Gao et al., CVPR 2019, arXiv 1801.08297), "neural discriminative dimensionality
// reduction": K trunks; where a stage ends, their K feature maps are concatenated on channels, and
// each task reduces them to C channels again by a layer of its own:
//   x~_k = ReLU(BN(conv1x1_k([x_1 ; .. ; x_K]))),  BN with eps 1e-3 and momentum 0.05
// The 1x1 weight [C, K C] begins block-diagonal: 0.9 from the task's own channel c to c, and
// 0.1 / (K - 1) from every other task's channel c; 0 elsewhere. Its layers learn at lr times
// share.lr_factor. The paper starts from trained single-task networks; here all begins together.
// Parameters: K trunks and, a stage, K (K C^2 + 2 C): "sharing.stitch.stage2.seg.conv.weight".
#include "engine/device_tensor.h"
#include "models/sharing/stitch.h"
#include "models/sharing/task_trunks.h"
#include "models/sharing/way.h"
#include "ops/concat.h"

namespace weft {
namespace {

struct Reduction {
  Conv conv;
  BatchNorm norm;

  Reduction(ParameterStore& store, const std::string& name, size_t tasks, size_t task,
            int64_t channels)
      : conv(store, name + ".conv", static_cast<int64_t>(tasks) * channels, channels, 1, {}, false,
             {}),
        norm(store, name + ".bn", channels, {}, 1e-3, 0.05) {
    const std::vector<double> from_task = mostly_own(tasks, task, 0.9);
    std::vector<double> weight;
    for (int64_t out = 0; out < channels; ++out)
      for (double a : from_task)
        for (int64_t in = 0; in < channels; ++in) weight.push_back(in == out ? a : 0.0);
    const Tensor& value = conv.weight().value;
    const Tensor host = Tensor::from(value.shape(), weight, value.dtype());
    copy_to(store.context(), value, host);
  }

  Var operator()(Pass& pass, const Var& x) const {
    return norm(pass, conv(pass, x), /*relu=*/true);
  }
};

class Nddr final : public Model {
 public:
  Nddr(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options), trunks_(store_, options) {
    const auto& tasks = options.tasks;
    const ParameterStore::Making making(store_, Part::stitch);
    for (size_t s = 0; s < trunks_.stages().size(); ++s)
      for (size_t k = 0; k < tasks.size(); ++k)
        reductions_.emplace_back(store_,
                                 fmt::format("sharing.stitch.stage{}.{}", s + 1, tasks[k].name),
                                 tasks.size(), k, trunks_.stages()[s].channels);
    make_heads(trunks_.first());
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const size_t tasks = trunks_.size();
    std::vector<Var> x = trunks_.stem(pass, images);
    for (size_t s = 0; s < trunks_.stages().size(); ++s) {
      const Var all = concat(trunks_.run(pass, trunks_.stages()[s], x), 3);
      for (size_t k = 0; k < tasks; ++k) x[k] = reductions_[s * tasks + k](pass, all);
    }
    return run_heads(pass, x);
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunks_.first().cost(height, width);
    const size_t tasks = trunks_.size();
    ModelCost cost = count(trunk, trunks_.size());
    cost.trunk = trunks_.macs(trunk);
    for (size_t s = 0; s < trunks_.stages().size(); ++s) {
      const Shape map = TaskTrunks::map_after(trunks_.stages()[s], trunk);
      for (size_t k = 0; k < tasks; ++k) {
        Shape x{1, map[0], map[1], map[2] * static_cast<int64_t>(tasks)};
        cost.sharing += conv_macs(reductions_[s * tasks + k].conv, x);
      }
    }
    return cost;
  }

  const Trunk& trunk() const override { return trunks_.first(); }

 private:
  TaskTrunks trunks_;
  std::vector<Reduction> reductions_;  ///< of stage s and task k at s K + k
};

}  // namespace

WayOfSharing nddr_way() {
  return {.make = make_way<Nddr>, .trunks = {.own = 1}, .batch_norm = true, .keys = {"lr_factor"}};
}

}  // namespace weft
