// Reinforce: the surrogate on the tape, the baselines on the host.
#include "models/reinforce.h"

#include "engine/device_tensor.h"
#include "engine/error.h"
#include "models/init.h"
#include "ops/pointwise.h"

namespace weft {

Reinforce::Reinforce(ParameterStore& store, const std::string& name, size_t actors, double memory)
    : context_(store.context()), memory_(memory) {
  if (!(memory >= 0 && memory < 1))
    throw ConfigError(fmt::format("{}: the memory is {}; it is in [0, 1)", name, memory));
  const ParameterStore::Making making(store, Part::policy);
  kept_ = &store.add(name, {static_cast<int64_t>(actors), 2});
  init::constant(context_, *kept_, 0);
}

const std::vector<double>& Reinforce::host() const {
  if (mirror_.empty()) mirror_ = to_host(context_, kept_->value).to_vector();
  return mirror_;
}

std::optional<double> Reinforce::baseline(size_t actor) const {
  const std::vector<double>& kept = host();
  if (kept.at(2 * actor + 1) == 0) return std::nullopt;
  return kept[2 * actor];
}

Var Reinforce::surrogate(size_t actor, const Var& cost, const Var& log_probability) const {
  for (const Var* x : {&cost, &log_probability})
    if (x->shape().numel() != 1)
      throw ShapeError(
          fmt::format("{}: a cost and a log probability are one number each, got {} and {}",
                      kept_->name, cost.shape(), log_probability.shape()));
  const std::optional<double> b = baseline(actor);
  if (!b) return scale(log_probability, 0);
  const Var constant = cost.tape().constant(cost.value());
  return mul(shift(constant, -*b), log_probability);
}

void Reinforce::learn(const std::vector<std::optional<double>>& costs) {
  std::vector<double> kept = host();
  for (size_t k = 0; k < costs.size(); ++k) {
    if (!costs[k]) continue;
    const std::optional<double> b = baseline(k);
    kept[2 * k] = b ? memory_ * *b + (1 - memory_) * *costs[k] : *costs[k];
    kept[2 * k + 1] = 1;
  }
  const Tensor rounded = Tensor::from(kept_->value.shape(), kept, kept_->value.dtype());
  copy_to(context_, kept_->value, rounded);
  mirror_ = rounded.to_vector();  // as a resumed run reads it
}

}  // namespace weft
