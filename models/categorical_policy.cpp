// CategoricalPolicy: draws on the host and on the tape, and what leads back from them.
#include "models/categorical_policy.h"

#include <algorithm>
#include <cmath>

#include "engine/device.h"
#include "engine/philox.h"
#include "ops/gumbel_softmax.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/softmax.h"

namespace weft {

CategoricalPolicy::CategoricalPolicy(ParameterStore& store, const std::vector<std::string>& tasks,
                                     int blocks, const PolicyOptions& options, uint64_t seed,
                                     int choices, Estimator estimator, double memory)
    : Policy(store, tasks, blocks, options, seed, choices), context_(store.context()) {
  if (estimator == Estimator::reinforce)
    reinforce_.emplace(store, "policy.reinforce.baseline", tasks.size(), memory);
}

PolicySample CategoricalPolicy::sample(Pass& pass, double temperature, bool /*hard*/, int active,
                                       bool /*run_skipped*/) const {
  PolicySample out;
  for (size_t k = 0; k < logits().size(); ++k) {
    Parameter& parameter = *logits()[k];
    const LayerScope scope(parameter.name);
    const Var u = pass.tape.use(parameter);
    const bool soft = !reinforce_ && u.needs_grad();
    std::vector<double> drawn =
        gumbel_sample(host_logits(k), temperature, /*hard=*/true, pass.noise, parameter.name)
            .to_vector();
    auto& gates = out.gates.emplace_back(static_cast<size_t>(skip_layer()),
                                         Gate{Gate::Kind::select, level_without_decision()});
    for (int l = skip_layer(); l < blocks(); ++l) {
      const auto row = drawn.begin() + choices() * (l - skip_layer());
      const bool turn = uses(l, active);
      const int level = level_of(static_cast<size_t>(std::find(row, row + choices(), 1.0) - row));
      Gate& gate = gates.emplace_back();
      gate.level = turn ? level : level_without_turn(level);
      gate.kind = soft && turn      ? Gate::Kind::soft
                  : gate.level == 0 ? Gate::Kind::skip
                                    : Gate::Kind::select;
      if (!turn) std::fill(row, row + choices(), 0.0);
    }
    if (soft)
      out.p.push_back(gumbel_softmax(u, temperature, /*hard=*/true, pass.noise, parameter.name));
    else if (u.needs_grad())
      out.log_probability.push_back(
          sum(mul(log_softmax(u), constant(pass.tape, u.shape(), drawn))));
  }
  return out;
}

std::optional<Var> CategoricalPolicy::surrogate(const PolicySample& sample, size_t k,
                                                const Var& loss) const {
  if (sample.log_probability.empty()) return std::nullopt;
  return reinforce_->surrogate(k, loss, sample.log_probability[k]);
}

void CategoricalPolicy::stepped(const std::vector<Tensor>& losses) {
  Policy::logits_changed();
  if (!reinforce_) return;
  synchronize(context_);  // the losses may be on their way
  std::vector<std::optional<double>> costs;
  for (const Tensor& loss : losses)
    costs.push_back(loss.defined() ? std::optional(loss.item()) : std::nullopt);
  reinforce_->learn(costs);
}

void CategoricalPolicy::logits_changed() {
  Policy::logits_changed();
  if (reinforce_) reinforce_->changed();
}

std::vector<std::vector<double>> CategoricalPolicy::chances(size_t k) const {
  const std::vector<double> u = host_logits(k).to_vector();
  std::vector<std::vector<double>> out;
  for (auto row = u.begin(); row != u.end(); row += choices()) {
    const double top = *std::max_element(row, row + choices());
    double total = 0;
    auto& p = out.emplace_back();
    for (auto x = row; x != row + choices(); ++x) total += p.emplace_back(std::exp(*x - top));
    for (double& x : p) x /= total;
  }
  return out;
}

BinaryPolicy CategoricalPolicy::sample_binary(uint64_t seed, uint32_t index, int active) const {
  BinaryPolicy out;
  for (size_t k = 0; k < logits().size(); ++k) {
    const Philox words(seed, Stream::policy, index, logits()[k]->name);
    const auto p = chances(k);
    auto& select = out.select.emplace_back();
    for (int l = 0; l < blocks(); ++l) {
      if (l < skip_layer()) {
        select.push_back(level_without_decision());
        continue;
      }
      double left = words.uniform(static_cast<uint64_t>(l));
      const auto& row = p[static_cast<size_t>(l - skip_layer())];
      size_t column = 0;
      for (; column + 1 < row.size() && left >= row[column]; ++column) left -= row[column];
      const int level = level_of(column);
      select.push_back(uses(l, active) ? level : level_without_turn(level));
    }
  }
  return out;
}

BinaryPolicy CategoricalPolicy::most_likely() const {
  BinaryPolicy out;
  for (size_t k = 0; k < logits().size(); ++k) {
    auto& select =
        out.select.emplace_back(static_cast<size_t>(skip_layer()), level_without_decision());
    for (const std::vector<double>& p : chances(k))
      select.push_back(
          level_of(static_cast<size_t>(std::max_element(p.begin(), p.end()) - p.begin())));
  }
  return out;
}

}  // namespace weft
