// DB-MTL (Lin et al., Dual-Balancing for Multi-Task Learning, arXiv 2308.12029, algorithm 1):
// losses are balanced by their logarithm, gradients by one norm, the largest.
//   y_i <- keep_t y_i + (1 - keep_t) g_i / (L_i + 1e-8),   keep_t = keep / t^fade
//   w_i = max_j ||y_j|| / ||y_i||         d = sum_i w_i y_i
// t: steps of the task. The norms are those of the averages' Gram. An average of 0 gets weight 0,
// with a note. A loss of 0 or less has no logarithm: its gradient is taken as it is. State: counts,
// K numbers, and the averages, K x P.
#include <algorithm>
#include <cmath>

#include "models/balance/rows/smoothed.h"

namespace weft::balance {

Weights db_mtl(const Vector& norms) {
  Weights out;
  double largest = 0;
  for (const double n : norms) largest = std::max(largest, n);
  for (const double n : norms) out.w.push_back(n > 0 ? largest / n : 0);
  note_where(out, norms.size(), "the gradient is 0: left out",
             [&](size_t i) { return norms[i] <= 0; });
  return out;
}

namespace {

class DbMtl final : public Smoothed {
 public:
  explicit DbMtl(const BalanceOptions& options) : Smoothed("db_mtl", options) {}
  std::string describe() const override {
    return fmt::format(
        "db_mtl: averages of log losses' gradients, all of one norm, keep {}, fade {}",
        options_.keep, options_.fade);
  }

 private:
  double keep(double t) const override { return options_.keep / std::pow(t, options_.fade); }
  double factor(double loss) const override { return loss > 0 ? 1 / (loss + 1e-8) : 1; }
  Weights weigh(const BalanceStep& step) override {
    Weights out = db_mtl(norms(step.grams[0]));
    note_where(out, step.tasks.size(), "the loss is 0 or less: its logarithm is not taken",
               [&](size_t i) { return step.losses[i] <= 0; });
    return out;
  }
};

}  // namespace

Made make_db_mtl(const BalanceOptions& options) { return std::make_unique<DbMtl>(options); }

}  // namespace weft::balance
