// RoutePolicy: which of M function blocks each task takes at each place, a categorical
// (categorical_policy.h): the tabular router of routing networks (Rosenbaum, Klinger and Riemer, ICLR
// 2018), an agent a task. Logits u_k [n, M], column m - 1 is function block m. A place that has had
// no turn is routed by its first logits, by chance, so that no function block is ahead of the others.
// The collaboration bonus: an action's reward is what the routers' chance of it has been, h_l(m),
//   h_l <- m h_l + (1 - m) mean_k pi_{k,l}     after each step for the logits (m: share.baseline)
// As a place's action has no part in another's bonus, its gradient is exact, without a draw: the
// sparsity loss here is sum_k mean_l (1 - <pi_{k,l}, h_l>) over the active places, h constant. The
// sharing loss compares tasks by half of sum_m |pi_i - pi_j|. h is "policy.routing.shares" [n, M] in
// every checkpoint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/categorical_policy.h"

namespace weft {

class RoutePolicy final : public CategoricalPolicy {
 public:
  RoutePolicy(ParameterStore& store, const std::vector<std::string>& tasks, int blocks,
              const PolicyOptions& options, uint64_t seed, int functions, Estimator estimator,
              double memory);

  int least() const override { return 1; }
  int column_of(const Gate& gate) const override { return gate.level - 1; }
  void stepped(const std::vector<Tensor>& losses) override;
  void logits_changed() override;
  /// The likeliest function block's chance, of every task and place; 1 without a decision.
  std::vector<std::vector<double>> probabilities() const override;
  std::optional<double> together() const override;
  /// h, row by row.
  const std::vector<double>& shares() const;
  /// `form` is of policies of two choices, and not read.
  Var sparsity_loss(Tape& tape, SparsityForm form, int active) const override;

 private:
  int level_of(size_t column) const override { return static_cast<int>(column) + 1; }
  int level_without_decision() const override { return 1; }
  int level_without_turn(int drawn) const override { return drawn; }
  Var compared(Tape& tape, size_t k, bool compat) const override;
  /// mean_k pi_k, row by row.
  std::vector<double> mean_chances() const;
  void keep_shares(const std::vector<double>& shares);

  AnyContext context_;
  double memory_;
  Parameter* shares_;
  mutable std::vector<double> mirror_;  ///< of shares_; empty: not known
};

}  // namespace weft
