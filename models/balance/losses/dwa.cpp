// Dynamic weight average (Liu, Johns and Davison, CVPR 2019, arXiv 1803.10704):
//   r_i = Lbar_i(e - 1) / Lbar_i(e - 2)    w_i = K exp(r_i / T) / sum_k exp(r_k / T)
// Lbar_i(e): mean of task i's loss over epoch e; T = 2. r_i = 1 as long as two epochs are not
// known, so that the first two have w = 1. The softmax is over all K tasks of the run: a task's
// weight does not depend on who else has labels in the batch. State: sums and means, K numbers
// each.
#include "models/balance/losses.h"
#include "models/balance/losses/loss_means.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights dwa(LossMeans& state, const Tasks& tasks, int64_t epoch, double temperature) {
  begin_epoch(state, epoch);
  const size_t all = state.sum.size();
  Vector rates(all);
  const auto usable = [&](size_t k) { return state.known[k] == 2 && state.before[k] != 0; };
  for (size_t k = 0; k < all; ++k)
    rates[k] = (usable(k) ? state.last[k] / state.before[k] : 1.0) / temperature;
  const Vector share = softmax(rates);
  Weights out;
  for (const size_t k : tasks) out.w.push_back(static_cast<double>(all) * share[k]);
  note_where(out, tasks.size(), "the mean loss of an epoch is 0: its rate is taken as 1",
             [&](size_t i) { return state.known[tasks[i]] == 2 && !usable(tasks[i]); });
  return out;
}

void dwa_after(LossMeans& state, const Tasks& tasks, const Vector& losses) {
  add_losses(state, tasks, losses);
}

namespace {

class Dwa final : public Balance {
 public:
  explicit Dwa(const BalanceOptions& options)
      : Balance("dwa", options), means_(options.tasks.size()) {
    require(options.temperature > 0, "dwa", "temperature", options.temperature, "above 0");
  }
  std::string describe() const override {
    return fmt::format("dwa: by how fast losses fall, temperature {}", options_.temperature);
  }
  Needs needs() const override { return Needs::losses; }
  bool foresees() const override { return true; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {dwa(means_, step.tasks, step.epoch, options_.temperature)};
  }
  void absorb_losses(const BalanceStep& step, std::vector<Note>&) override {
    dwa_after(means_, step.tasks, step.losses);
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"epoch", &means_.epoch}, {"sum", &means_.sum},       {"count", &means_.count},
            {"last", &means_.last},   {"before", &means_.before}, {"known", &means_.known}};
  }
  LossMeans means_;
};

}  // namespace

Made make_dwa(const BalanceOptions& options) { return std::make_unique<Dwa>(options); }

}  // namespace weft::balance
