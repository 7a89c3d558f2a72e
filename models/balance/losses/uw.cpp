// Uncertainty weighting (Kendall, Gal and Cipolla, CVPR 2018, arXiv 1705.07115),
// with s_i = log sigma_i^2, learned from 0:
//   regression      sum_i exp(-s_i) L_i / 2 + s_i / 2    w_i = exp(-s_i) / 2
//   classification  sum_i exp(-s_i) L_i     + s_i / 2    w_i = exp(-s_i)      ds_i = 1/2 - w_i L_i
// The gradient of s_i is closed: no graph holds it, and no weight decay pulls at it (LibMTL's lies
// in the network's optimizer, whose decay pulls s to 0, that is sigma to 1). At rest the
// weight is 1 / (2 L_i). State: s and Adam's moments, K numbers each.
#include <cmath>

#include "models/balance/losses/log_scales.h"

namespace weft::balance {

namespace {

double weight_of(double s, bool classification) {
  return (classification ? 1 : 0.5) * std::exp(-s);
}

}  // namespace

Weights uw(const LogScales& state, const Tasks& tasks, bool classification) {
  Weights out;
  for (const size_t k : tasks) out.w.push_back(weight_of(state.s[k], classification));
  return out;
}

void uw_after(LogScales& state, const Tasks& tasks, const Vector& losses, double rate,
              bool classification) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    double& s = state.s[tasks[i]];
    state.adam.move(tasks[i], s, 0.5 - weight_of(s, classification) * losses[i], rate);
  }
}

Made make_uw(const BalanceOptions& options) {
  return learned_scales(
      "uw", options, 1e-3,
      [](const LogScales& scales, const Tasks& tasks, const BalanceOptions& o) {
        return uw(scales, tasks, o.classification);
      },
      [](LogScales& scales, const BalanceStep& step, double rate, const BalanceOptions& o) {
        uw_after(scales, step.tasks, step.losses, rate, o.classification);
      });
}

}  // namespace weft::balance
