// CategoricalPolicy: of every task and block a categorical over c choices, logits u_k [n, c],
// pi = softmax(u). One draw a step and task, shared by the batch,
//   a = argmax(u + g), g Gumbel noise, a ~ pi      whichever estimator leads back to u:
//   reinforce   d E[L_k] / du_k = E[(L_k - b_k) d log pi(a_k) / du_k], log pi(a_k) summed over the
//               active blocks, b_k a running mean of task k's loss (reinforce.h)
//   gumbel      straight through: the draw as a one-hot p, with softmax((u + g) / tau)'s gradient
// What a choice is, is the derived policy's: DEN's levels (channel_policy.h), the function blocks of
// routing (route_policy.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/policy.h"
#include "models/reinforce.h"
#include "models/sharing/share_options.h"

namespace weft {

class CategoricalPolicy : public Policy {
 public:
  /// `memory`: of the running mean. Baselines are the parameter "policy.reinforce.baseline", which no
  /// task's logits can be called.
  CategoricalPolicy(ParameterStore& store, const std::vector<std::string>& tasks, int blocks,
                    const PolicyOptions& options, uint64_t seed, int choices, Estimator estimator,
                    double memory);

  /// Gates by level. By Gumbel, where logits are trained, soft ones with p [n, c] and the level that
  /// was drawn; by REINFORCE log_probability.
  PolicySample sample(Pass& pass, double temperature, bool hard, int active,
                      bool run_skipped) const override;
  std::optional<Var> surrogate(const PolicySample& sample, size_t k,
                               const Var& loss) const override;
  void stepped(const std::vector<Tensor>& losses) override;
  void logits_changed() override;

  /// pi of task k: [n][column].
  std::vector<std::vector<double>> chances(size_t k) const;
  BinaryPolicy sample_binary(uint64_t seed, uint32_t index, int active) const override;
  /// The likeliest choice of each block; of equals the first column.
  BinaryPolicy most_likely() const override;

 protected:
  /// A gate's level.
  virtual int level_of(size_t column) const = 0;
  /// Of a block that has no logits.
  virtual int level_without_decision() const = 0;
  /// Of a block that has had no turn yet, whose draw is `drawn`.
  virtual int level_without_turn(int drawn) const = 0;

 private:
  AnyContext context_;
  std::optional<Reinforce> reinforce_;  ///< by Gumbel: none
};

}  // namespace weft
