// Nash-MTL (Navon et al., Multi-Task Learning as a Bargaining Game, ICML 2022, arXiv 2202.01017,
// claim 3.1): the bargain at which the product of the tasks' gains is largest,
//   G w = 1 / w,  w > 0       <d, g_i> = 1 / w_i > 0,   ||d||^2 = w' G w = m
// by damped Newton (bargain.h) on unit gradients: C x = 1 / x, w_i = x_i / ||g_i||, so d does not
// depend on the losses' units. `max_norm` (1, as in the official program) clips ||d||, which else
// is sqrt(m) however small the gradients are. The official program divides G by its norm first,
// which only scales d before it is clipped. Its loop of convex approximations may stop far off:
// TorchJD's port leaves w_i (G w)_i - 1 at 1.8 on the golden case "three", after any number of
// calls, and at 1e-6 or less on the others; this is right by the equation. Where some
// combination of the gradients is 0 there is no bargain: weights 0, with a note.
#include <algorithm>
#include <cmath>

#include "models/balance/active_set.h"
#include "models/balance/gram.h"
#include "models/balance/gram/bargain.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights nash_mtl(const Matrix& gram, double max_norm) {
  return where_nonzero(gram, [&](const Matrix& g) {
    const Vector n = norms(g);
    Vector inverse(g.n);
    for (size_t i = 0; i < g.n; ++i) inverse[i] = 1 / n[i];
    const Matrix c = scaled(g, inverse);
    const Vector least = minimise(c, Vector(g.n, 0.0), true).x;
    const Bargain found = bargain(c, Vector(g.n, 1.0), 1);
    if (quadratic(c, least) <= 1e-14 || !found.converged)
      return Weights{Vector(g.n, 0.0),
                     {{"the gradients cancel, so there is no bargain: weights are 0", {}}}};
    Weights out{found.x, {}};
    for (size_t i = 0; i < g.n; ++i) out.w[i] *= inverse[i];
    const double length = std::sqrt(quadratic(g, out.w));
    if (max_norm > 0 && length > max_norm)
      for (double& w : out.w) w *= max_norm / length;
    const double mean = sum(out.w) / static_cast<double>(g.n);
    note_where(out, g.n, "the weight is under 0.001 of the mean",
               [&](size_t i) { return out.w[i] < 1e-3 * mean; });
    return out;
  });
}

Made make_nash_mtl(const BalanceOptions& options) {
  require(options.max_norm >= 0, "nash_mtl", "max_norm", options.max_norm,
          "above 0, or 0 for none");
  return of_gram("nash_mtl", options,
                 fmt::format("nash_mtl: the Nash bargain, length at most {}", options.max_norm),
                 [](const BalanceStep& step, const BalanceOptions& o) {
                   return nash_mtl(step.grams[0], o.max_norm);
                 });
}

}  // namespace weft::balance
