// ChannelPolicy: of every task and block a categorical over the levels of channel_levels.h, the
// policy of DEN. Logits u_k [n, 4], columns from 100 % down to 0 %, so that the first and the last
// are select and skip as in Policy; pi = softmax(u). One draw a step and task, shared by the batch,
//   a = argmax(u + g), g Gumbel noise, a ~ pi      whichever estimator leads back to u:
//   reinforce   d E[L_k] / du_k = E[(L_k - b_k) d log pi(a_k) / du_k], log pi(a_k) summed over the
//               active blocks, b_k a running mean of task k's loss (reinforce.h)
//   gumbel      straight through: the draw as a one-hot p, with softmax((u + g) / tau)'s gradient
// Regularisers work on E[c], the expected share of inner channels: the sparsity loss is the sum over
// tasks of its mean over the active blocks, the sharing loss compares tasks by it. Both are exact,
// without a draw.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/policy.h"
#include "models/reinforce.h"
#include "models/sharing/share_options.h"

namespace weft {

class ChannelPolicy final : public Policy {
 public:
  /// `memory`: of the running mean. Baselines are the parameter "policy.reinforce.baseline", which no
  /// task's logits can be called.
  ChannelPolicy(ParameterStore& store, const std::vector<std::string>& tasks, int blocks,
                const PolicyOptions& options, uint64_t seed, Estimator estimator, double memory);

  /// Gates by level. By Gumbel, where logits are trained, soft ones with p [n, 4] and the level that
  /// was drawn; by REINFORCE log_probability.
  PolicySample sample(Pass& pass, double temperature, bool hard, int active,
                      bool run_skipped) const override;
  std::optional<Var> surrogate(const PolicySample& sample, size_t k,
                               const Var& loss) const override;
  void stepped(const std::vector<Tensor>& losses) override;
  void logits_changed() override;

  /// E[c] of every task and block; 1 without a decision.
  std::vector<std::vector<double>> probabilities() const override;
  /// pi of task k: [n][level].
  std::vector<std::vector<double>> levels(size_t k) const;
  BinaryPolicy sample_binary(uint64_t seed, uint32_t index, int active) const override;
  /// The likeliest level of each block; of equals the highest.
  BinaryPolicy most_likely() const override;
  /// `form` is of policies of two choices, and not read.
  Var sparsity_loss(Tape& tape, SparsityForm form, int active) const override;

 private:
  Var compared(Tape& tape, size_t k, bool compat) const override;
  Var expected_share(Tape& tape, size_t k) const;

  AnyContext context_;
  std::optional<Reinforce> reinforce_;  ///< by Gumbel: none
};

}  // namespace weft
