// BlockDrop (Wu et al., CVPR 2018, arXiv 1711.08393): a small network looks at each image and says
// which residual blocks of the one trunk it executes; the others do not run for it.
//   s = sigmoid(policy network(image)),  p = b s + (1 - b) (1 - s)      b: share.bound
//   training: u_l ~ Bernoulli(p_l);   evaluation: u_l = [p_l >= 1/2]
//   x_{l+1} = ReLU(r + F_l(x_l)) where u_l, else r
// One policy for all tasks, or with share.decisions = "per-task" one for each (for one task the
// paper's). Reward and gradient of the policy: train/step/reinforce.h. Parameters: 1 trunk, K heads,
// "sharing.policy.conv1.weight" and so on.
#pragma once

#include "models/sharing/per_input.h"

namespace weft {

class BlockDrop final : public PerInput {
 public:
  BlockDrop(AnyContext context, DType dtype, const ModelOptions& options);

  /// Blocks, from the last on, that use the policy at a step; the others are executed.
  int active_at(uint32_t step) const;

  /// images [N, H, W, C] -> [N, policies * blocks]: the chance that a block is executed, bounded:
  /// b s + (1 - b) (1 - s), b = share.bound.
  Var probabilities(Pass& pass, const Var& images) const;
  /// Each block of the last `active` by chance; noise: of the pass. `chances` is probabilities'
  /// value on the host.
  Decisions draw(const Tensor& chances, const Noise& noise, int active) const;
  /// Where the chance is at least 1/2.
  Decisions likely(const Tensor& chances, int active) const;

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override;
};

/// Null where the model is another way of sharing.
BlockDrop* blockdrop(Model& model);

}  // namespace weft
