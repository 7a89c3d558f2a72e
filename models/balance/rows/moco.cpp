// MoCo (Fernando et al., Mitigating Gradient Bias in Multi-objective Learning, ICLR 2023, algorithm
// 1): MGDA's weights by steps on moving averages of the gradients, which cure the bias of small
// batches.
//   y_i <- y_i - beta_t (y_i - g_i)   w <- simplex(w - rate_t (Y Y' + rho I) w)   d = sum_i w_i y_i
//   beta_t = (1 - keep) / t^fade,  rate_t = rate / t^fade,  t: the task's steps (of w: the most)
// w starts at 1 / K; Y Y' is the Gram of the averages, rho 0 here. The weights used are those after
// the move. LibMTL takes a softmax instead of the projection, and gradients of norm L_i; this is
// the paper's. State: w and counts, K numbers, and the averages, K x P.
#include <algorithm>
#include <cmath>

#include "models/balance/active_set.h"
#include "models/balance/gram/two_batches.h"
#include "models/balance/rows/smoothed.h"

namespace weft::balance {

Weights moco(const Matrix& gram, Vector& w, const std::vector<size_t>& tasks, double rate,
             double rho) {
  Vector share = share_of(w, tasks);
  const Vector slope = times(gram, share);
  for (size_t i = 0; i < share.size(); ++i) share[i] -= rate * (slope[i] + rho * share[i]);
  share = project_on_simplex(share);
  put_back(w, tasks, share);
  return {share, {}};
}

namespace {

class Moco final : public Smoothed {
 public:
  explicit Moco(const BalanceOptions& options)
      : Smoothed("moco", options),
        w_(mean_weights(options.tasks.size())),
        rate_(options.rate.value_or(0.1)) {
    require(rate_ > 0, "moco", "rate", rate_, "above 0");
  }
  std::string describe() const override {
    return fmt::format("moco: mgda on moving averages, keep {}, fade {}, rate {}", options_.keep,
                       options_.fade, rate_);
  }

 private:
  double keep(double t) const override {
    return 1 - (1 - options_.keep) / std::pow(t, options_.fade);
  }
  double factor(double) const override { return 1; }
  Weights weigh(const BalanceStep& step) override {
    double t = 1;
    for (const size_t k : step.tasks) t = std::max(t, steps_[k]);
    return moco(step.grams[0], w_, step.tasks, rate_ / std::pow(t, options_.fade));
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"steps", &steps_}, {"w", &w_}};
  }
  Vector w_;
  double rate_;
};

}  // namespace

Made make_moco(const BalanceOptions& options) { return std::make_unique<Moco>(options); }

}  // namespace weft::balance
