// BlockDrop (Wu et al., CVPR 2018, arXiv 1711.08393): a small network looks at each image and says
// which residual blocks of the one trunk it executes; the others do not run for it.
//   s = sigmoid(policy network(image)),  p = b s + (1 - b) (1 - s)      b: share.bound
//   training: u_l ~ Bernoulli(p_l);   evaluation: u_l = [p_l >= 1/2]
//   x_{l+1} = ReLU(r + F_l(x_l)) where u_l, else r
// One policy for all tasks, or with share.decisions = "per-task" one for each (for one task the
// paper's). Phases, curriculum: models/sharing/per_input.h; reward and gradient of the policy:
// train/step/reinforce.h. Parameters: 1 trunk, K heads, "sharing.policy.conv1.weight" and so on.
#include "models/sharing/per_input.h"
#include "models/sharing/way.h"

namespace weft {
namespace {

/// sigmoid(2) = 0.88: until it is learned, evaluation executes every block.
constexpr double first_logit = 2;

class BlockDrop final : public PerInput {
 public:
  BlockDrop(AnyContext context, DType dtype, const ModelOptions& options)
      : PerInput(context, dtype, options) {
    if (options.trunk.kind == TrunkOptions::Kind::vdcnn)
      throw ConfigError(
          "sharing: \"blockdrop\" has a policy network that looks at pictures or rows of a table, "
          "and model.trunk = \"vdcnn\" reads texts; choose another way of sharing");
    trunk_ = make_trunk(store_, "", options.trunk, options.seed);
    make_heads(*trunk_);
    const ParameterStore::Making making(store_, Part::sharing);
    network_.emplace(
        store_, "sharing.policy",
        PolicyNetworkOptions{.in_channels = options.trunk.in_channels,
                             .width = options.share.policy_width,
                             .outputs = static_cast<int64_t>(policies()) * trunk_->blocks(),
                             .pictures = options.trunk.kind != TrunkOptions::Kind::mlp,
                             .first = first_logit},
        options.seed);
  }
};

}  // namespace

WayOfSharing blockdrop_way() {
  return {.make = make_way<BlockDrop>,
          .trunks = {.shared = 1},
          .keys = {"decisions", "policy_width", "full_steps", "policy_steps", "unlock_steps",
                   "bound", "penalty", "slack", "entropy"}};
}

}  // namespace weft
