// FAMO (Liu et al., FAMO: Fast Adaptive Multitask Optimization, NeurIPS 2023, arXiv 2306.03792,
// algorithm 1): logits xi follow what the last step did to each task's log loss, so that all fall
// at one rate. b_i: a lower bound of L_i, 0 unless given.
//   z = softmax(xi)      c = 1 / sum_i z_i / (L_i - b_i)      w_i = c z_i / (L_i - b_i)
//   after the step, on the same batch: delta_i = log(L_i - b_i) - log(L_i' - b_i)
//   xi <- Adam(xi, J' delta + decay xi),  J = dz / dxi = diag z - z z'     rate 0.025, decay 1e-3
// Sums are over the tasks present; logits and moments of the others stand still. L' costs one
// forward pass, which must not move running statistics. State: xi and Adam's moments, K numbers
// each.
#include <algorithm>
#include <cmath>

#include "models/balance/losses.h"
#include "models/balance/losses/loss_means.h"
#include "models/balance/make.h"

namespace weft::balance {
namespace {

constexpr double smallest = 1e-8;  // of a loss above its bound

double above(const Vector& losses, const Vector& least, const Tasks& tasks, size_t i) {
  return std::max(losses[i] - (least.empty() ? 0.0 : least[tasks[i]]), smallest);
}

}  // namespace

Weights famo(const FamoState& state, const Tasks& tasks, const Vector& losses,
             const Vector& least) {
  Weights out{softmax(part(state.xi, tasks)), {}};
  double total = 0;
  for (size_t i = 0; i < tasks.size(); ++i) total += out.w[i] /= above(losses, least, tasks, i);
  for (double& w : out.w) w /= total;
  note_where(
      out, tasks.size(), "the loss is at its lower bound: 1e-8 above it is taken",
      [&](size_t i) { return losses[i] - (least.empty() ? 0 : least[tasks[i]]) < smallest; });
  return out;
}

void famo_after(FamoState& state, const Tasks& tasks, const Vector& before, const Vector& after,
                double rate, double decay, const Vector& least) {
  const Vector z = softmax(part(state.xi, tasks));
  Vector delta(tasks.size());
  for (size_t i = 0; i < delta.size(); ++i)
    delta[i] = std::log(above(before, least, tasks, i)) - std::log(above(after, least, tasks, i));
  const double mean = dot(z, delta);
  for (size_t i = 0; i < delta.size(); ++i) {
    double& xi = state.xi[tasks[i]];
    state.adam.move(tasks[i], xi, z[i] * (delta[i] - mean) + decay * xi, rate);
  }
}

namespace {

class Famo final : public Balance {
 public:
  explicit Famo(const BalanceOptions& options)
      : Balance("famo", options), famo_(options.tasks.size()), rate_(options.rate.value_or(0.025)) {
    require(rate_ > 0, "famo", "rate", rate_, "above 0");
    require(options.decay >= 0, "famo", "decay", options.decay, "at least 0");
    require(options.least_losses.empty() || options.least_losses.size() == options.tasks.size(),
            "famo", "least_losses", static_cast<double>(options.least_losses.size()),
            "none, or one for each task");
  }
  std::string describe() const override {
    return fmt::format("famo: logits that follow each task's log loss, rate {}, decay {}", rate_,
                       options_.decay);
  }
  Needs needs() const override { return Needs::losses; }
  bool looks_back() const override { return true; }
  void losses_after(const BalanceStep& step, const Vector& losses) override {
    famo_after(famo_, step.tasks, step.losses, losses, rate_, options_.decay,
               options_.least_losses);
  }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {famo(famo_, step.tasks, step.losses, options_.least_losses)};
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"xi", &famo_.xi},
            {"first", &famo_.adam.first},
            {"second", &famo_.adam.second},
            {"steps", &famo_.adam.steps}};
  }
  FamoState famo_;
  double rate_;
};

}  // namespace

Made make_famo(const BalanceOptions& options) { return std::make_unique<Famo>(options); }

}  // namespace weft::balance
