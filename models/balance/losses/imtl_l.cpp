// IMTL-L (Liu et al., Towards Impartial Multi-task Learning, ICLR 2021): scaled losses
// exp(s_i) L_i are to have one size, s_i learned from 0 with the sum
//   sum_i exp(s_i) L_i - s_i        w_i = exp(s_i)        ds_i = exp(s_i) L_i - 1
// whose rest is exp(s_i) L_i = 1 whatever the losses' units. No weight decay, no graph.
// State: s and Adam's moments, K numbers each.
#include <cmath>

#include "models/balance/losses/log_scales.h"

namespace weft::balance {

Weights imtl_l(const LogScales& state, const Tasks& tasks) {
  Weights out;
  for (const size_t k : tasks) out.w.push_back(std::exp(state.s[k]));
  return out;
}

void imtl_l_after(LogScales& state, const Tasks& tasks, const Vector& losses, double rate) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    double& s = state.s[tasks[i]];
    state.adam.move(tasks[i], s, std::exp(s) * losses[i] - 1, rate);
  }
}

Made make_imtl_l(const BalanceOptions& options) {
  return learned_scales(
      "imtl_l", options, 1e-3,
      [](const LogScales& scales, const Tasks& tasks, const BalanceOptions&) {
        return imtl_l(scales, tasks);
      },
      [](LogScales& scales, const BalanceStep& step, double rate, const BalanceOptions&) {
        imtl_l_after(scales, step.tasks, step.losses, rate);
      });
}

}  // namespace weft::balance
