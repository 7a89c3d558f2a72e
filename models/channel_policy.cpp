// ChannelPolicy: levels, and what is expected of them.
#include "models/channel_policy.h"

#include <algorithm>

#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/slice.h"
#include "ops/softmax.h"

namespace weft {

ChannelPolicy::ChannelPolicy(ParameterStore& store, const std::vector<std::string>& tasks,
                             int blocks, const PolicyOptions& options, uint64_t seed,
                             Estimator estimator, double memory)
    : CategoricalPolicy(store, tasks, blocks, options, seed, all_channels + 1, estimator, memory) {}

int ChannelPolicy::column_of(const Gate& gate) const {
  return gate.kind == Gate::Kind::skip ? all_channels : all_channels - gate.level;
}

std::vector<std::vector<double>> ChannelPolicy::levels(size_t k) const {
  std::vector<std::vector<double>> out = chances(k);
  for (std::vector<double>& row : out) std::reverse(row.begin(), row.end());
  return out;
}

std::vector<std::vector<double>> ChannelPolicy::probabilities() const {
  std::vector<std::vector<double>> out;
  for (size_t k = 0; k < logits().size(); ++k) {
    auto& row = out.emplace_back(static_cast<size_t>(skip_layer()), 1.0);
    for (const std::vector<double>& p : levels(k)) {
      double share = 0;
      for (size_t level = 0; level < p.size(); ++level) share += p[level] * level_shares[level];
      row.push_back(std::min(share, 1.0));
    }
  }
  return out;
}

Var ChannelPolicy::expected_share(Tape& tape, size_t k) const {
  const std::vector<double> shares(level_shares.rbegin(), level_shares.rend());
  return matmul(softmax(tape.use(*logits()[k])), constant(tape, {all_channels + 1, 1}, shares));
}

Var ChannelPolicy::compared(Tape& tape, size_t k, bool /*compat*/) const {
  return expected_share(tape, k);
}

Var ChannelPolicy::sparsity_loss(Tape& tape, SparsityForm /*form*/, int active) const {
  Var total;
  for (size_t k = 0; k < logits().size(); ++k) {
    const LayerScope scope(logits()[k]->name);
    const Var term = mean(slice(expected_share(tape, k), 0, first_row(active), active));
    total = k == 0 ? term : add(total, term);
  }
  return total;
}

}  // namespace weft
