// ChannelPolicy: a categorical (categorical_policy.h) over the levels of channel_levels.h, the policy
// of DEN. Logits u_k [n, 4], columns from 100 % down to 0 %, so that the first and the last are select
// and skip as in Policy. Blocks without a turn are executed whole.
// Regularisers work on E[c], the expected share of inner channels: the sparsity loss is the sum over
// tasks of its mean over the active blocks, the sharing loss compares tasks by it. Both are exact,
// without a draw.
#pragma once

#include <string>
#include <vector>

#include "models/categorical_policy.h"

namespace weft {

class ChannelPolicy final : public CategoricalPolicy {
 public:
  ChannelPolicy(ParameterStore& store, const std::vector<std::string>& tasks, int blocks,
                const PolicyOptions& options, uint64_t seed, Estimator estimator, double memory);

  int column_of(const Gate& gate) const override;
  /// E[c] of every task and block; 1 without a decision.
  std::vector<std::vector<double>> probabilities() const override;
  /// pi of task k: [n][level].
  std::vector<std::vector<double>> levels(size_t k) const;
  /// `form` is of policies of two choices, and not read.
  Var sparsity_loss(Tape& tape, SparsityForm form, int active) const override;

 private:
  int level_of(size_t column) const override { return all_channels - static_cast<int>(column); }
  int level_without_decision() const override { return all_channels; }
  int level_without_turn(int /*drawn*/) const override { return all_channels; }
  Var compared(Tape& tape, size_t k, bool compat) const override;
  Var expected_share(Tape& tape, size_t k) const;
};

}  // namespace weft
