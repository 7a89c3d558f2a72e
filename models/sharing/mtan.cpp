// MTAN (Liu et al., CVPR 2019, arXiv 1803.10704), a multi-task attention network, in its authors'
// ResNet form: one trunk that all tasks share, out of which each task picks features by masks. In
// stage s let p_s be the last block's output and u_s its input; then, for each task,
//   mask_s = sigmoid(BN(conv1x1(ReLU(BN(conv1x1([u_s ; g_{s-1}]))))))   (no g at the first stage)
//   a_s    = mask_s * p_s
//   g_s    = maxpool(E_s(a_s)), E_s a residual block C_s -> C_{s+1}, the pool where the map shrinks
// and a of the last stage feeds the head. Masks are each task's own; E_s is shared by the tasks, as
// in the authors' code, its batch norm apart for each (running statistics too, unless
// model.bn.running = "shared", as there). Between the two 1x1 lie C_s channels, of a
// bottleneck trunk C_s / 4. Parameters: 1 trunk, "sharing.mask.stage2.seg.conv1.weight" and so on
// for the masks, "sharing.next.stage2." + a block's names for E_2.
#include <algorithm>

#include "models/execute.h"
#include "models/residual_block.h"
#include "models/sharing/sharing.h"
#include "models/sharing/way.h"
#include "ops/concat.h"
#include "ops/max_pool.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

struct Attention {
  Conv conv1, conv2;
  BatchNorm norm1, norm2;

  Attention(ParameterStore& store, const std::string& name, int64_t in, int64_t mid, int64_t out,
            const Init& init)
      : conv1(store, name + ".conv1", in, mid, 1, {}, false, init),
        conv2(store, name + ".conv2", mid, out, 1, {}, false, init),
        norm1(store, name + ".bn1", mid),
        norm2(store, name + ".bn2", out) {}

  Var operator()(Pass& pass, const Var& x) const {
    const Var h = norm1(pass, conv1(pass, x), /*relu=*/true);
    return sigmoid(norm2(pass, conv2(pass, h)));
  }
};

class Mtan final : public Model {
 public:
  Mtan(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options),
        trunk_(make_trunk(store_, "", options.trunk, options.seed)),
        stages_(trunk_->stages()) {
    const Init init{Init::Kind::kaiming_normal, options.seed};
    const NormTasks own{options.own_statistics ? task_names() : std::vector<std::string>{}};
    const ParameterStore::Making making(store_, Part::sharing);
    const bool bottleneck = options.trunk.depth >= 50;
    const int64_t expansion = bottleneck ? 4 : 1;
    for (size_t s = 0; s < stages_.size(); ++s) {
      const int64_t c = stages_[s].channels, in = s == 0 ? c : 2 * c;
      if (stages_[s].end - stages_[s].begin < 2)
        throw ConfigError(fmt::format(
            "mtan: stage {} of the trunk is a single block; masks need at least two", s + 1));
      for (const TaskShape& task : options.tasks)
        attention_.emplace_back(store_, fmt::format("sharing.mask.stage{}.{}", s + 1, task.name),
                                in, std::max<int64_t>(1, c / expansion), c, init);
      if (s + 1 == stages_.size()) break;
      const int64_t next = stages_[s + 1].channels;
      next_.emplace_back(store_, fmt::format("sharing.next.stage{}", s + 1),
                         ResidualBlockOptions{.in = c,
                                              .mid = std::max<int64_t>(1, next / expansion),
                                              .out = next,
                                              .bottleneck = bottleneck,
                                              .project = true,
                                              .norm = own},
                         init);
    }
    make_heads(*trunk_);
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const size_t tasks = options_.tasks.size();
    Var x = trunk_->stem(pass, images);
    std::vector<Var> a(tasks), g(tasks);
    for (size_t s = 0; s < stages_.size(); ++s) {
      const Var u = run_blocks(pass, *trunk_, stages_[s].begin, stages_[s].end - 1, x);
      x = run_blocks(pass, *trunk_, stages_[s].end - 1, stages_[s].end, u);
      for (size_t k = 0; k < tasks; ++k) {
        const Var seen = s == 0 ? u : concat({u, g[k]}, 3);
        a[k] = mul(attention_[s * tasks + k](pass, seen), x);
        if (s + 1 < stages_.size()) g[k] = pass_on(pass, s, k, a[k]);
      }
    }
    return run_heads(pass, a);
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunk_->cost(height, width);
    const auto tasks = static_cast<int64_t>(options_.tasks.size());
    ModelCost cost = count(trunk);
    cost.trunk = make_plan(all_selected(1, trunk_->blocks())).macs(trunk);
    for (size_t s = 0; s < stages_.size(); ++s) {
      const Shape map = trunk.maps[static_cast<size_t>(stages_[s].end - 1)];
      const Attention& mask = attention_[s * static_cast<size_t>(tasks)];
      Shape seen{1, map[0], map[1], map[2] * (s == 0 ? 1 : 2)};
      Macs of_task = conv_macs(mask.conv1, seen);
      of_task += conv_macs(mask.conv2, seen);
      if (s + 1 < stages_.size()) {
        Shape x{1, map[0], map[1], map[2]};
        of_task += next_[s].shortcut_macs(x);
        of_task += next_[s].residual_macs(x);
      }
      cost.sharing += of_task * tasks;
    }
    return cost;
  }

  const Trunk& trunk() const override { return *trunk_; }

 private:
  /// g at stage s + 1. A call for each task: where none of a task's labels is in the batch, nothing
  /// flows back through it, and its masks stay untouched.
  Var pass_on(Pass& pass, size_t s, size_t k, const Var& a) const {
    pass.groups = {{static_cast<int>(k)}};
    const Var y = next_[s].residual(pass, a, next_[s].shortcut(pass, a));
    pass.groups = {{0}};
    const int64_t by = stages_[s + 1].stride / stages_[s].stride;
    if (by == 1) return y;
    return max_pool(y, {.kernel = by, .stride = by, .padding = 0, .ceil_mode = true});
  }

  std::unique_ptr<Trunk> trunk_;
  std::vector<TrunkStage> stages_;
  std::vector<Attention> attention_;  ///< of stage s and task k at s K + k
  std::vector<ResidualBlock> next_;   ///< E_s
};

}  // namespace

WayOfSharing mtan_way() {
  return {.make = make_way<Mtan>,
          .trunks = {.shared = 1},
          .per_task = PerTask::statistics,
          .features_differ = true,
          .batch_norm = true};
}

}  // namespace weft
