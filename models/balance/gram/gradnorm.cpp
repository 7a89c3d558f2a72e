// GradNorm (Chen et al., ICML 2018, arXiv 1711.02257, equations 1, 2 and algorithm 1): weights move
// so that weighted gradients have norms that follow each task's pace.
//   N_i = w_i ||g_i||   p_i = L_i / L_i(0)   r_i = p_i / mean p   c_i = mean N r_i^alpha, constant
//   w_i -= rate sign(N_i - c_i) ||g_i||,  the gradient of sum_i |N_i - c_i|;  then sum w = K again
// It needs the norms alone (the Gram's diagonal) and no second backward pass, since c is constant.
// L(0) is a task's first loss. The weights used are those before the move (algorithm 1). Over the
// tasks present: their weights keep the sum that they had, those of the others stand still. Norms
// are divided by their mean, so that `rate` (0.025) is the same move whatever the losses' units; a
// weight that would fall below 1e-3 stays there, with a note. State: w and L(0), K numbers each.
#include <algorithm>
#include <cmath>

#include "models/balance/gram.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights gradnorm(GradNormState& state, const std::vector<size_t>& tasks, const Vector& norms,
                 const Vector& losses, double alpha, double rate) {
  const size_t m = tasks.size();
  Weights out{part(state.w, tasks), {}};
  for (size_t i = 0; i < m; ++i)
    if (state.known[tasks[i]] == 0) state.first[tasks[i]] = losses[i], state.known[tasks[i]] = 1;
  const double mean_norm = sum(norms) / static_cast<double>(m);
  note_where(out, m, "the gradient is 0", [&](size_t i) { return norms[i] == 0; });
  Vector pace(m);
  for (size_t i = 0; i < m; ++i) {
    const double first = state.first[tasks[i]];
    pace[i] = first > 0 && losses[i] > 0 ? losses[i] / first : 1;
  }
  note_where(out, m, "the loss is 0 or less: its pace is taken as 1",
             [&](size_t i) { return state.first[tasks[i]] <= 0 || losses[i] <= 0; });
  if (!(mean_norm > 0)) return out;
  const double mean_pace = sum(pace) / static_cast<double>(m);
  double mean_weighted = 0;
  for (size_t i = 0; i < m; ++i)
    mean_weighted += out.w[i] * norms[i] / mean_norm / static_cast<double>(m);
  Vector moved = out.w;
  for (size_t i = 0; i < m; ++i) {
    const double norm = norms[i] / mean_norm;
    const double off = out.w[i] * norm - mean_weighted * std::pow(pace[i] / mean_pace, alpha);
    if (off != 0) moved[i] -= (off > 0 ? rate : -rate) * norm;
  }
  note_where(out, m, "the weight would fall below 0.001: it stays there",
             [&](size_t i) { return moved[i] < 1e-3; });
  for (double& w : moved) w = std::max(w, 1e-3);
  const double back = sum(out.w) / sum(moved);
  for (size_t i = 0; i < m; ++i) state.w[tasks[i]] = moved[i] * back;
  return out;
}

namespace {

class GradNorm final : public Balance {
 public:
  explicit GradNorm(const BalanceOptions& options)
      : Balance("gradnorm", options),
        learned_(options.tasks.size()),
        alpha_(options.alpha.value_or(1.5)),
        rate_(options.rate.value_or(0.025)) {
    require(rate_ > 0, "gradnorm", "rate", rate_, "above 0");
  }
  std::string describe() const override {
    return fmt::format("gradnorm: weights learned for one pace, alpha {}, rate {}", alpha_, rate_);
  }
  Needs needs() const override { return Needs::gram; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {gradnorm(learned_, step.tasks, norms(step.grams[0]), step.losses, alpha_, rate_)};
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"w", &learned_.w}, {"first", &learned_.first}, {"known", &learned_.known}};
  }
  GradNormState learned_;
  double alpha_, rate_;
};

}  // namespace

Made make_gradnorm(const BalanceOptions& options) { return std::make_unique<GradNorm>(options); }

}  // namespace weft::balance
