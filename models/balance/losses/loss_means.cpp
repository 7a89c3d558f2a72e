// Running sums of an epoch, and its means when it is over.
#include "models/balance/losses/loss_means.h"

#include <algorithm>
#include <cmath>

namespace weft::balance {

LossMeans::LossMeans(size_t tasks)
    : sum(tasks, 0.0), count(tasks, 0.0), last(tasks, 0.0), before(tasks, 0.0), known(tasks, 0.0) {}

void begin_epoch(LossMeans& state, int64_t epoch) {
  if (state.epoch[0] == static_cast<double>(epoch)) return;
  for (size_t k = 0; k < state.sum.size(); ++k) {
    if (state.count[k] == 0) continue;
    state.before[k] = state.last[k];
    state.last[k] = state.sum[k] / state.count[k];
    state.known[k] = std::min(state.known[k] + 1, 2.0);
    state.sum[k] = state.count[k] = 0;
  }
  state.epoch[0] = static_cast<double>(epoch);
}

void add_losses(LossMeans& state, const Tasks& tasks, const Vector& losses) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    state.sum[tasks[i]] += losses[i];
    state.count[tasks[i]] += 1;
  }
}

Vector softmax(Vector x) {
  if (x.empty()) return x;
  const double largest = *std::max_element(x.begin(), x.end());
  double total = 0;
  for (double& y : x) total += y = std::exp(y - largest);
  for (double& y : x) y /= total;
  return x;
}

}  // namespace weft::balance
