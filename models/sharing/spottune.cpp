// SpotTune (Guo et al., CVPR 2019, arXiv 1811.08737), for fine-tuning: beside every block of a trunk
// that has learned stands a frozen copy of it, and a small network that looks at each image says
// which of the two the image executes.
//   z = policy network(image) [blocks, 2],  u = one-hot(argmax_j (z_j + g_j)), g Gumbel noise
//   x_{l+1} = u_{l,0} ReLU(r + F_l(x_l)) + u_{l,1} ReLU(r' + F'_l(x_l))     r', F': the frozen copy's
// In training both copies run, and u has the gradient of softmax((z + g) / tau), tau =
// share.temperature (straight through). Evaluation executes the likelier copy (of equals the tuned)
// and no other. Frozen blocks normalise by their running statistics, which stay what they were, as
// their weights do; the stem has no copy and is tuned, as in the authors' code. One policy for all
// tasks, or with share.decisions = "per-task" one for each, which are passes of their own to batch
// norm. Parameters: 1 trunk, K heads, "sharing.frozen.layer1.0.conv1.weight" and so on,
// "sharing.policy.conv1.weight" and so on.
#include <set>

#include "models/sharing/parting_rows.h"
#include "models/sharing/per_input.h"
#include "models/sharing/way.h"
#include "ops/gate.h"
#include "ops/gumbel_softmax.h"
#include "ops/reshape.h"
#include "ops/slice.h"

namespace weft {
namespace {

class SpotTune final : public PerInput {
 public:
  SpotTune(AnyContext context, DType dtype, const ModelOptions& options)
      : PerInput(context, dtype, options) {
    trunk_ = make_trunk(store_, "", options.trunk, options.seed);
    const size_t tuned = store_.parameters().size();
    TrunkOptions blocks = options.trunk;
    blocks.stem = false;
    {
      const ParameterStore::Making making(store_, Part::sharing);
      frozen_ = make_trunk(store_, "sharing.frozen.", blocks, options.seed);
    }
    for (size_t i = tuned; i < store_.parameters().size(); ++i) {
      store_.parameters()[i].trainable = false;
      kept_.insert(&store_.parameters()[i]);
    }
    make_heads(*trunk_);
    make_network(2, 0);
  }

  bool fixed(const Parameter& p) const override { return kept_.count(&p) > 0 || Model::fixed(p); }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const int64_t n = images.shape()[0];
    if (!pass.training) return evaluate(pass, images, likelier(pass, images));
    const Var x = mixed(pass, images);
    return run_heads(pass, [&](size_t k) {
      return policies() == 1 ? x : slice(x, 0, static_cast<int64_t>(k) * n, n);
    });
  }

 protected:
  Var execute(Pass& pass, const RowPlan& plan, const Var& images) const override {
    return run_copies(pass, *trunk_, *frozen_, plan, images);
  }
  std::vector<Macs> macs_of(const RowPlan& plan, const TrunkCost& cost) const override {
    return plan.macs_of_copies(cost);
  }

 private:
  static Var whole(Pass& pass, const Trunk& trunk, int l, const Var& x) {
    return trunk.residual(pass, l, x, trunk.shortcut(pass, l, x));
  }

  /// Behind the last block in training: [policies * N, h, w, C], policy by policy.
  Var mixed(Pass& pass, const Var& images) const {
    const auto count = static_cast<int>(policies());
    const int64_t n = images.shape()[0], blocks = trunk_->blocks(), rows = n * count;
    const Var logits = reshape((*network_)(pass, images), {rows, blocks, 2});
    const Var u = gumbel_softmax(logits, options_.share.temperature, /*hard=*/true, pass.noise,
                                 "sharing.policy");
    return run_parting(pass, *trunk_, images, count, [&](int l, const Var& x) {
      const Var tuned = whole(pass, *trunk_, l, x);
      pass.training = false;  // running statistics as they are
      const Var frozen = whole(pass, *frozen_, l, x);
      pass.training = true;
      const Var p = reshape(slice(u, 1, l, 1), {rows, 2});
      std::vector<GateRow> gates;
      for (int v = 0; v < count; ++v)
        for (int i = 0; i < n; ++i) {
          const int in = static_cast<int>(l == 0 ? i : v * n + i);  // policies part at the first
          gates.push_back({.f_group = in, .r_group = in, .p = p, .row = i * count + v});
        }
      const LayerScope scope(trunk_->block_name(l));
      return gate(tuned, frozen, gates, 1);
    });
  }

  /// 1: the tuned copy.
  Decisions likelier(const Pass& pass, const Var& images) const {
    const std::vector<double> z = sound_logits(pass, images).to_vector();
    return decide(policies(), images.shape()[0], trunk_->blocks(),
                  [&](int64_t, size_t at) { return z[2 * at] >= z[2 * at + 1]; });
  }

  std::unique_ptr<Trunk> frozen_;
  std::set<const Parameter*> kept_;
};

}  // namespace

WayOfSharing spottune_way() {
  return {.make = make_way<SpotTune>,
          .trunks = {.shared = 1},
          .per_input = true,
          .pretrained = true,
          .keys = {"decisions", "policy_width", "temperature"}};
}

}  // namespace weft
