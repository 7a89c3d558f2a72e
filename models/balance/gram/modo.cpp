// MoDo (Chen et al., Three-Way Trade-Off in Multi-Objective Learning, NeurIPS 2023 and JMLR 25,
// 2024, arXiv 2305.20057, equation 2.9 and algorithm 1): double sampling, so that the weights'
// gradient has no bias,
//   w <- simplex(w - rate (J_1 J_2' w + rho w))        d = J_3' w
// J_1, J_2 of two independent batches; J_3 a third, or the mean of both. The weights used are those
// after the move (algorithm 1 has one step of w before each of the parameters). `rate` has the unit
// of 1 / ||g||^2. Over the tasks present; the others' w stand still. State: w, K numbers.
#include "models/balance/active_set.h"
#include "models/balance/gram/two_batches.h"

namespace weft::balance {

Weights modo(const Matrix& cross, Vector& w, const std::vector<size_t>& tasks, double rate,
             double rho) {
  Vector share = share_of(w, tasks);
  const Vector slope = times(cross, share);
  for (size_t i = 0; i < share.size(); ++i) share[i] -= rate * (slope[i] + rho * share[i]);
  share = project_on_simplex(share);
  put_back(w, tasks, share);
  return {share, {}};
}

Made make_modo(const BalanceOptions& options) {
  const double rate = options.rate.value_or(0.1), rho = options.rho;
  require(rate > 0, "modo", "rate", rate, "above 0");
  require(rho >= 0, "modo", "rho", rho, "at least 0");
  return of_two_batches(
      "modo", options, fmt::format("modo: of two batches, rate {}, rho {}", rate, rho),
      [rate, rho](const Matrix& cross, Vector& w, const std::vector<size_t>& tasks) {
        return modo(cross, w, tasks, rate, rho);
      });
}

}  // namespace weft::balance
