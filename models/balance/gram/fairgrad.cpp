// FairGrad (Ban and Ji, Fair Resource Allocation in Multi-Task Learning, ICML 2024, arXiv
// 2402.15638, equation 4): alpha-fair gains of the tasks,
//   G w = w^(-1 / alpha),  w > 0      <d, g_i> = w_i^(-1 / alpha) > 0
// alpha = 1 is Nash-MTL without its clipping; alpha grows to max-min fairness, falls to the sum. By
// damped Newton (bargain.h) on unit gradients: with w_i = x_i / n_i, n_i = ||g_i||, C x = n^(1 /
// alpha - 1) x^(-1 / alpha). For alpha other than 1, d depends on the losses' units, as the
// definition does. The official program (and TorchJD) leave it to scipy's least_squares, at its
// tolerance of 1e-8. Where some combination of the gradients is 0 there is no solution: weights 0,
// with a note.
#include <cmath>

#include "models/balance/active_set.h"
#include "models/balance/gram.h"
#include "models/balance/gram/bargain.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights fairgrad(const Matrix& gram, double alpha) {
  return where_nonzero(gram, [&](const Matrix& g) {
    const Vector n = norms(g);
    Vector inverse(g.n), k(g.n);
    for (size_t i = 0; i < g.n; ++i) {
      inverse[i] = 1 / n[i];
      k[i] = std::pow(n[i], 1 / alpha - 1);
    }
    const Matrix c = scaled(g, inverse);
    const Vector least = minimise(c, Vector(g.n, 0.0), true).x;
    const Bargain found = bargain(c, k, 1 / alpha);
    if (quadratic(c, least) <= 1e-14 || !found.converged)
      return Weights{Vector(g.n, 0.0),
                     {{"the gradients cancel, so no step is fair: weights are 0", {}}}};
    Weights out{found.x, {}};
    for (size_t i = 0; i < g.n; ++i) out.w[i] *= inverse[i];
    return out;
  });
}

Made make_fairgrad(const BalanceOptions& options) {
  const double alpha = options.alpha.value_or(2);
  require(alpha > 0, "fairgrad", "alpha", alpha, "above 0");
  return of_gram("fairgrad", options, fmt::format("fairgrad: alpha-fair gains, alpha {}", alpha),
                 [alpha](const BalanceStep& step, const BalanceOptions&) {
                   return fairgrad(step.grams[0], alpha);
                 });
}

}  // namespace weft::balance
