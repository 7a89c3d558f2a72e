// Random loss weighting (Lin et al., Reasonable Effectiveness of Random Weighting, TMLR 2022, arXiv
// 2111.10603, algorithm 2): w = softmax(n), n_i ~ N(0, 1), anew each step, over the tasks present.
// Their sum is 1. Noise is Philox's (seed, balance, step, "rlw"), element = the task's number in
// the run, so that a resumed run draws the same. No state.
#include "models/balance/losses.h"
#include "models/balance/losses/loss_means.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights rlw(const Noise& noise, const Tasks& tasks) {
  const Philox philox(noise.seed, Stream::balance, noise.step, "rlw");
  Vector n;
  for (const size_t k : tasks) n.push_back(philox.normal(k));
  return {softmax(n), {}};
}

Made make_rlw(const BalanceOptions& options) {
  return of_nothing(
      "rlw", options, "rlw: random weights, anew each step",
      [](const BalanceStep& step, const BalanceOptions&) { return rlw(step.noise, step.tasks); });
}

}  // namespace weft::balance
