// Moving averages of gradients, in place.
#include "models/balance/rows/smoothed.h"

#include "engine/error.h"

namespace weft::balance {

template <class T>
void smooth(std::span<T> g, std::span<T> y, double keep, double factor) {
  for (size_t p = 0; p < g.size(); ++p) {
    const double old = static_cast<double>(y[p]), now = factor * static_cast<double>(g[p]);
    g[p] = y[p] = static_cast<T>(keep * old + (1 - keep) * now);
  }
}

template void smooth(std::span<float>, std::span<float>, double, double);
template void smooth(std::span<double>, std::span<double>, double, double);

Smoothed::Smoothed(const char* name, const BalanceOptions& options)
    : Balance(name, options), steps_(options.tasks.size(), 0.0) {
  require(options.keep >= 0 && options.keep < 1, name, "keep", options.keep,
          "at least 0 and below 1");
  require(options.fade >= 0, name, "fade", options.fade, "at least 0");
}

template <class T>
void Smoothed::smooth_all(const BalanceStep& step, const BalanceRows<T>& rows) const {
  for (size_t i = 0; i < step.tasks.size(); ++i)
    smooth(rows.g[i], rows.kept[i], keep(steps_[step.tasks[i]] + 1), factor(step.losses[i]));
}

Vector Smoothed::absorb(const BalanceStep& step, const BalanceRows<float>& rows) {
  smooth_all(step, rows);
  return Vector(step.tasks.size(), 0.0);
}

Vector Smoothed::absorb(const BalanceStep& step, const BalanceRows<double>& rows) {
  smooth_all(step, rows);
  return Vector(step.tasks.size(), 0.0);
}

std::vector<Weights> Smoothed::compute(const BalanceStep& step) {
  if (step.grams.size() != 1)
    throw Error(fmt::format("balance: '{}' needs the Gram matrix of its averages", name()));
  for (const size_t k : step.tasks) steps_[k] += 1;
  return {weigh(step)};
}

}  // namespace weft::balance
