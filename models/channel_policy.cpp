// ChannelPolicy: draws on the host and on the tape, what leads back from them, and regularisers.
#include "models/channel_policy.h"

#include <algorithm>
#include <cmath>

#include "engine/device.h"
#include "engine/philox.h"
#include "ops/gumbel_softmax.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/slice.h"
#include "ops/softmax.h"

namespace weft {
namespace {

constexpr int choices = all_channels + 1;

constexpr int level_of(size_t column) { return all_channels - static_cast<int>(column); }

}  // namespace

ChannelPolicy::ChannelPolicy(ParameterStore& store, const std::vector<std::string>& tasks,
                             int blocks, const PolicyOptions& options, uint64_t seed,
                             Estimator estimator, double memory)
    : Policy(store, tasks, blocks, options, seed, choices), context_(store.context()) {
  if (estimator == Estimator::reinforce)
    reinforce_.emplace(store, "policy.reinforce.baseline", tasks.size(), memory);
}

PolicySample ChannelPolicy::sample(Pass& pass, double temperature, bool /*hard*/, int active,
                                   bool /*run_skipped*/) const {
  PolicySample out;
  out.gates = all_selected(tasks(), blocks());
  for (size_t k = 0; k < logits().size(); ++k) {
    Parameter& parameter = *logits()[k];
    const LayerScope scope(parameter.name);
    const Var u = pass.tape.use(parameter);
    const bool soft = !reinforce_ && u.needs_grad();
    std::vector<double> drawn =
        gumbel_sample(host_logits(k), temperature, /*hard=*/true, pass.noise, parameter.name)
            .to_vector();
    for (int l = skip_layer(); l < blocks(); ++l) {
      const auto row = drawn.begin() + choices * (l - skip_layer());
      if (!uses(l, active)) {
        std::fill(row, row + choices, 0.0);
        continue;
      }
      Gate& gate = out.gates[k][static_cast<size_t>(l)];
      gate.level = level_of(static_cast<size_t>(std::find(row, row + choices, 1.0) - row));
      gate.kind = soft ? Gate::Kind::soft : gate.level == 0 ? Gate::Kind::skip : Gate::Kind::select;
    }
    if (soft)
      out.p.push_back(gumbel_softmax(u, temperature, /*hard=*/true, pass.noise, parameter.name));
    else if (u.needs_grad())
      out.log_probability.push_back(
          sum(mul(log_softmax(u), constant(pass.tape, u.shape(), drawn))));
  }
  return out;
}

std::optional<Var> ChannelPolicy::surrogate(const PolicySample& sample, size_t k,
                                            const Var& loss) const {
  if (sample.log_probability.empty()) return std::nullopt;
  return reinforce_->surrogate(k, loss, sample.log_probability[k]);
}

void ChannelPolicy::stepped(const std::vector<Tensor>& losses) {
  Policy::logits_changed();
  if (!reinforce_) return;
  synchronize(context_);  // the losses may be on their way
  std::vector<std::optional<double>> costs;
  for (const Tensor& loss : losses)
    costs.push_back(loss.defined() ? std::optional(loss.item()) : std::nullopt);
  reinforce_->learn(costs);
}

void ChannelPolicy::logits_changed() {
  Policy::logits_changed();
  if (reinforce_) reinforce_->changed();
}

std::vector<std::vector<double>> ChannelPolicy::levels(size_t k) const {
  const std::vector<double> u = host_logits(k).to_vector();
  std::vector<std::vector<double>> out;
  for (auto row = u.begin(); row != u.end(); row += choices) {
    const double top = *std::max_element(row, row + choices);
    double total = 0;
    auto& p = out.emplace_back(choices);
    for (size_t column = 0; column < choices; ++column)
      total += p[static_cast<size_t>(level_of(column))] =
          std::exp(row[static_cast<std::ptrdiff_t>(column)] - top);
    for (double& x : p) x /= total;
  }
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

BinaryPolicy ChannelPolicy::sample_binary(uint64_t seed, uint32_t index, int active) const {
  BinaryPolicy out;
  for (size_t k = 0; k < logits().size(); ++k) {
    const Philox words(seed, Stream::policy, index, logits()[k]->name);
    const auto p = levels(k);
    auto& select = out.select.emplace_back();
    for (int l = 0; l < blocks(); ++l) {
      int level = all_channels;
      if (uses(l, active)) {
        double left = words.uniform(static_cast<uint64_t>(l));
        const auto& row = p[static_cast<size_t>(l - skip_layer())];
        for (; level > 0 && left >= row[static_cast<size_t>(level)]; --level)
          left -= row[static_cast<size_t>(level)];
      }
      select.push_back(level);
    }
  }
  return out;
}

BinaryPolicy ChannelPolicy::most_likely() const {
  BinaryPolicy out;
  for (size_t k = 0; k < logits().size(); ++k) {
    auto& select = out.select.emplace_back(static_cast<size_t>(skip_layer()), all_channels);
    for (const std::vector<double>& p : levels(k))
      select.push_back(static_cast<int>(p.rend() - std::max_element(p.rbegin(), p.rend())) - 1);
  }
  return out;
}

Var ChannelPolicy::expected_share(Tape& tape, size_t k) const {
  const std::vector<double> shares(level_shares.rbegin(), level_shares.rend());
  return matmul(softmax(tape.use(*logits()[k])), constant(tape, {choices, 1}, shares));
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
