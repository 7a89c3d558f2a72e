// SDMGrad (Xiao, Ban and Ji, Direction-oriented Multi-objective Learning: Simple and Provable
// Stochastic Algorithms, NeurIPS 2023, arXiv 2305.18409, algorithm 1): MGDA near the
// mean gradient,
//   min over w on the simplex of ||J' w + lambda J' p||^2 / 2,  p = 1 / m
// by projected SGD whose gradients are without bias: A = J_1 J_2' of two independent batches,
//   velocity = momentum velocity + A (w + lambda p)    w <- simplex(w - rate velocity)
//   `iterations` times, then
//   d = J' (w + lambda p) / (1 + lambda)
// A is divided by the square of the gradients' mean norm first (official program), so that `rate`
// has no unit. The norms are taken from A's diagonal, whose noise may take it below 0: then it
// counts as 0. Over the tasks present; the others' w stand still. State: w, K numbers.
#include <algorithm>
#include <cmath>

#include "models/balance/active_set.h"
#include "models/balance/gram/two_batches.h"

namespace weft::balance {

Weights sdmgrad(const Matrix& cross, Vector& w, const std::vector<size_t>& tasks,
                const SdmgradOptions& options) {
  const size_t m = cross.n;
  const Vector prefer = mean_weights(m), size = norms(cross);
  const double scale = sum(size) / static_cast<double>(m);
  Vector share = share_of(w, tasks), velocity(m, 0.0);
  Weights out;
  if (scale > 0) {
    for (int round = 0; round < options.iterations; ++round) {
      Vector point(m);
      for (size_t i = 0; i < m; ++i) point[i] = share[i] + options.lambda * prefer[i];
      const Vector slope = times(cross, point);
      for (size_t i = 0; i < m; ++i) {
        velocity[i] = options.momentum * velocity[i] + slope[i] / (scale * scale + 1e-8);
        share[i] -= options.rate * velocity[i];
      }
      share = project_on_simplex(share);
    }
    put_back(w, tasks, share);
  } else {
    out.notes.push_back({"the two batches' gradients have no norm in common: weights stay", {}});
  }
  for (size_t i = 0; i < m; ++i)
    out.w.push_back((share[i] + options.lambda * prefer[i]) / (1 + options.lambda));
  return out;
}

Made make_sdmgrad(const BalanceOptions& options) {
  const SdmgradOptions own{options.lambda, options.rate.value_or(10),
                           options.momentum.value_or(0.5), options.iterations};
  require(own.lambda >= 0, "sdmgrad", "lambda", own.lambda, "at least 0");
  require(own.rate > 0, "sdmgrad", "rate", own.rate, "above 0");
  require(own.momentum >= 0 && own.momentum < 1, "sdmgrad", "momentum", own.momentum,
          "at least 0 and below 1");
  require(own.iterations > 0, "sdmgrad", "iterations", own.iterations, "at least 1");
  return of_two_batches(
      "sdmgrad", options,
      fmt::format("sdmgrad: mgda near the mean, lambda {}, of two batches", own.lambda),
      [own](const Matrix& cross, Vector& w, const std::vector<size_t>& tasks) {
        return sdmgrad(cross, w, tasks, own);
      });
}

}  // namespace weft::balance
