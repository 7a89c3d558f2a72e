// Smooth Tchebycheff scalarisation (Lin et al., Smooth Tchebycheff Scalarization for
// Multi-Objective Optimization, ICML 2024, arXiv 2402.19078), lambda on the simplex, z
// a reference:
//   mu log sum_i exp(lambda_i (L_i - z_i) / mu)    w_i = lambda_i p_i,
//   p = softmax(lambda (L - z) / mu)
// stch_log is the form for losses of different units, as networks are trained with it (LibMTL):
//   K mu log sum_i exp(log(L_i / nadir_i) / mu)    w_i = K p_i / L_i,
//   p_i ~ (L_i / nadir_i)^(1 / mu)
// where nadir_i is the task's mean loss over the last of `warmup` epochs; in those, sum_i log L_i.
// balance = "stch" is stch_log. State: sums and means, K numbers each.
#include <cmath>
#include <limits>

#include "models/balance/losses.h"
#include "models/balance/losses/loss_means.h"
#include "models/balance/make.h"

namespace weft::balance {
namespace {

/// Losses from which a logarithm can be taken, and a note on those from which it could not.
Vector positive(const Vector& losses, Weights& out) {
  Vector safe = losses;
  for (double& x : safe) x = std::max(x, 1e-20);
  note_where(out, losses.size(), "a loss of 0 or less has no logarithm: taken as 1e-20",
             [&](size_t i) { return losses[i] <= 0; });
  return safe;
}

}  // namespace

Weights stch(const Vector& losses, const Vector& preference, const Vector& reference, double mu) {
  Vector x(losses.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = preference[i] * (losses[i] - reference[i]) / mu;
  Weights out{softmax(x), {}};
  for (size_t i = 0; i < x.size(); ++i) out.w[i] *= preference[i];
  return out;
}

Weights stch_log(LossMeans& state, const Tasks& tasks, const Vector& losses, int64_t epoch,
                 int64_t warmup, double mu) {
  if (epoch <= warmup) {
    begin_epoch(state, epoch);
    add_losses(state, tasks, losses);
  }
  Weights out;
  const Vector safe = positive(losses, out);
  const size_t m = tasks.size();
  bool known = epoch >= warmup;
  for (const size_t k : tasks) known = known && state.known[k] > 0;
  Vector x(m, 0.0);
  for (size_t i = 0; known && i < m; ++i)
    x[i] = (std::log(safe[i]) - std::log(std::max(state.last[tasks[i]], 1e-20))) / mu;
  out.w = softmax(x);  // equal shares as long as there is no nadir: the sum of logarithms
  for (size_t i = 0; i < m; ++i) out.w[i] *= static_cast<double>(m) / safe[i];
  if (epoch >= warmup && !known)
    out.notes.push_back({"a task had no label in the warm-up epochs: logarithms are summed", {}});
  return out;
}

namespace {

class Stch final : public Balance {
 public:
  explicit Stch(const BalanceOptions& options)
      : Balance("stch", options), means_(options.tasks.size()) {
    require(options.mu > 0, "stch", "mu", options.mu, "above 0");
    require(options.warmup_epochs > 0, "stch", "warmup_epochs",
            static_cast<double>(options.warmup_epochs), "at least 1");
  }
  std::string describe() const override {
    return fmt::format("stch: the smooth maximum of log losses, mu {}, after {} epochs",
                       options_.mu, options_.warmup_epochs);
  }
  Needs needs() const override { return Needs::losses; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {
        stch_log(means_, step.tasks, step.losses, step.epoch, options_.warmup_epochs, options_.mu)};
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"epoch", &means_.epoch}, {"sum", &means_.sum},       {"count", &means_.count},
            {"last", &means_.last},   {"before", &means_.before}, {"known", &means_.known}};
  }
  LossMeans means_;
};

}  // namespace

Made make_stch(const BalanceOptions& options) { return std::make_unique<Stch>(options); }

}  // namespace weft::balance
