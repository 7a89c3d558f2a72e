// Geometric loss strategy (Chennupati et al., MultiNet++, CVPR Workshops 2019, arXiv
// 1904.08492): minimise the losses' geometric mean, whose gradient weighs them by
//   GM = (prod_i L_i)^(1 / K)      w_i = dGM / dL_i = GM / (K L_i)
// so that every task has one relative step. Defined for losses above 0: with one that is not, the
// mean of the losses is taken instead, and said so.
#include <algorithm>
#include <cmath>

#include "models/balance/losses.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights gls(const Vector& losses) {
  const double k = static_cast<double>(losses.size());
  Weights out;
  note_where(out, losses.size(), "a loss of 0 or less has no geometric mean: equal weights instead",
             [&](size_t i) { return losses[i] <= 0; });
  if (!out.notes.empty()) {
    out.w = mean_weights(losses.size());
    return out;
  }
  double log_mean = 0;
  for (const double loss : losses) log_mean += std::log(loss) / k;
  for (const double loss : losses) out.w.push_back(std::exp(log_mean - std::log(loss)) / k);
  return out;
}

Made make_gls(const BalanceOptions& options) {
  return of_losses("gls", options, "gls: the geometric mean of the losses",
                   [](const BalanceStep& step, const BalanceOptions&) { return gls(step.losses); });
}

}  // namespace weft::balance
