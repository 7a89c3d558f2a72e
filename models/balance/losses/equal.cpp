// Equal and fixed weights:
//   equal   w_i = 1          fixed   w_i = balance.weights of the task
// The scale of all losses' sum, which every other method is held against. Kurin et al., In Defense
// of the Unitary Scalarization, NeurIPS 2022 (arXiv 2201.04122): hard to beat where well tuned.
#include "engine/error.h"
#include "models/balance/losses.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights equal(size_t tasks) { return {Vector(tasks, 1.0), {}}; }

Made make_equal(const BalanceOptions& options) {
  return of_nothing(
      "equal", options, "equal weights: the sum of the losses",
      [](const BalanceStep& step, const BalanceOptions&) { return equal(step.tasks.size()); });
}

Made make_fixed(const BalanceOptions& options) {
  if (options.weights.size() != options.tasks.size())
    throw ConfigError(fmt::format("balance = fixed: {} weights for {} tasks; give one for each",
                                  options.weights.size(), options.tasks.size()));
  return of_nothing("fixed", options, "fixed weights",
                    [](const BalanceStep& step, const BalanceOptions& o) {
                      return Weights{part(o.weights, step.tasks), {}};
                    });
}

}  // namespace weft::balance
