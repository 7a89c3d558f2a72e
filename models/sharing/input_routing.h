// Routing networks (Rosenbaum, Klinger and Riemer, ICLR 2018, arXiv 1711.01239) whose router looks at
// the input: one trunk with M function blocks at each place (models/routed_block.h), and a small
// network that looks at each image and says which of them it takes.
//   z = policy network(image) [blocks, M],  pi_l = softmax(z_l),  a_l ~ pi_l in training, argmax in use
//   x_{l+1} = ReLU(r + F_l^{a_l}(x_l)),  r = shortcut_l(x_l), one for all function blocks
// A draw is argmax(z + g), g Gumbel noise, whichever share.estimator leads back to z:
//   reinforce   each image runs what it drew and no more: train/step/route_loss.h
//   gumbel      straight through: every function block runs on the whole batch, x_{l+1} = sum_m u_m f_m,
//               u one-hot with the gradient of softmax((z + g) / tau), tau = share.temperature
// The router's own terms, of N images and policies v, with h_l(m) what the chance of m has been,
//   share.collaboration sum_v mean_{n,l} (1 - <pi_{v,n,l}, h_l>) - share.entropy 1/N sum_{v,n,l} H(pi)
//   h_l <- mu h_l + (1 - mu) mean_{v,n} pi    after each step in which it learned, mu = share.baseline
// Before (share.full_steps) images are routed by chance, by the logits as they are. Parameters: 1 trunk,
// K heads, "sharing.policy.conv1.weight" and so on; h is "policy.routing.shares" [blocks, M].
#pragma once

#include "models/sharing/per_input.h"

namespace weft {

class InputRouting final : public PerInput {
 public:
  InputRouting(AnyContext context, DType dtype, const ModelOptions& options);

  Estimator estimator() const { return options_.share.estimator; }
  /// images [N, H, W, C] -> [N, policies * blocks, M].
  Var logits(Pass& pass, const Var& images) const;
  /// By chance, and the likeliest (of equals the first), of logits' value on the host.
  Decisions draw(const Tensor& logits, const Noise& noise) const;
  Decisions likely(const Tensor& logits) const;
  /// The bonus for routes that others take, and for routers that are not sure; nullopt: neither weighs.
  std::optional<Var> bonus(const Var& logits) const;

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override;
  void stepped() override;
  ModelCost cost(int64_t height, int64_t width, const Gates*) const override;

 private:
  std::vector<Var> mixed(Pass& pass, const Var& images) const;
  /// mean_{v,n} pi, [blocks][M] in one.
  std::vector<double> mean_chances(const Tensor& logits) const;
  int64_t functions() const { return options_.share.functions; }

  Parameter* shares_ = nullptr;                ///< h
  mutable std::optional<Tensor> looked_ = {};  ///< on the host: the last training pass's logits
};

/// Null where the model is another way of sharing.
InputRouting* input_routing(Model& model);

}  // namespace weft
