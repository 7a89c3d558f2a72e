// RoutePolicy: the running shares, and what is expected under them.
#include "models/route_policy.h"

#include <algorithm>

#include "engine/device_tensor.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/slice.h"
#include "ops/softmax.h"

namespace weft {

RoutePolicy::RoutePolicy(ParameterStore& store, const std::vector<std::string>& tasks, int blocks,
                         const PolicyOptions& options, uint64_t seed, int functions,
                         Estimator estimator, double memory)
    : CategoricalPolicy(store, tasks, blocks, options, seed, functions, estimator, memory),
      context_(store.context()),
      memory_(memory) {
  const ParameterStore::Making making(store, Part::policy);
  shares_ = &store.add("policy.routing.shares", {learned(), functions});
  keep_shares(mean_chances());
}

std::vector<double> RoutePolicy::mean_chances() const {
  std::vector<double> mean(static_cast<size_t>(learned() * choices()));
  for (size_t k = 0; k < logits().size(); ++k) {
    auto to = mean.begin();
    for (const std::vector<double>& row : chances(k))
      for (const double p : row) *to++ += p / static_cast<double>(logits().size());
  }
  return mean;
}

void RoutePolicy::keep_shares(const std::vector<double>& shares) {
  const Tensor rounded = Tensor::from(shares_->value.shape(), shares, shares_->value.dtype());
  copy_to(context_, shares_->value, rounded);
  mirror_ = rounded.to_vector();  // as a resumed run reads it
}

const std::vector<double>& RoutePolicy::shares() const {
  if (mirror_.empty()) mirror_ = to_host(context_, shares_->value).to_vector();
  return mirror_;
}

void RoutePolicy::stepped(const std::vector<Tensor>& losses) {
  CategoricalPolicy::stepped(losses);
  std::vector<double> kept = shares();
  const std::vector<double> now = mean_chances();
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = memory_ * kept[i] + (1 - memory_) * now[i];
  keep_shares(kept);
}

void RoutePolicy::logits_changed() {
  CategoricalPolicy::logits_changed();
  mirror_.clear();
}

std::vector<std::vector<double>> RoutePolicy::probabilities() const {
  std::vector<std::vector<double>> out;
  for (size_t k = 0; k < logits().size(); ++k) {
    auto& row = out.emplace_back(static_cast<size_t>(skip_layer()), 1.0);
    for (const std::vector<double>& p : chances(k))
      row.push_back(std::min(*std::max_element(p.begin(), p.end()), 1.0));
  }
  return out;
}

std::optional<double> RoutePolicy::together() const {
  if (tasks() < 2) return std::nullopt;
  std::vector<std::vector<std::vector<double>>> pi;
  for (size_t k = 0; k < logits().size(); ++k) pi.push_back(chances(k));
  double sum = 0;
  for (size_t i = 0; i < pi.size(); ++i)
    for (size_t j = i + 1; j < pi.size(); ++j)
      for (size_t l = 0; l < pi[i].size(); ++l)
        for (size_t m = 0; m < pi[i][l].size(); ++m) sum += pi[i][l][m] * pi[j][l][m];
  const double pairs = tasks() * (tasks() - 1) / 2.0;
  return std::min(sum / (pairs * learned()), 1.0);
}

Var RoutePolicy::compared(Tape& tape, size_t k, bool /*compat*/) const {
  return softmax(tape.use(*logits()[k]));
}

Var RoutePolicy::sparsity_loss(Tape& tape, SparsityForm /*form*/, int active) const {
  const Var h = constant(tape, shares_->value.shape(), shares());
  Var total;
  for (size_t k = 0; k < logits().size(); ++k) {
    const LayerScope scope(logits()[k]->name);
    const Var bonus = mul(softmax(tape.use(*logits()[k])), h);
    const Var mean = scale(sum(slice(bonus, 0, first_row(active), active)), -1.0 / active);
    const Var term = shift(mean, 1);
    total = k == 0 ? term : add(total, term);
  }
  return total;
}

}  // namespace weft
