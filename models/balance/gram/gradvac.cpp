// Gradient Vaccine (Wang et al., ICLR 2021, arXiv 2010.05874, equation 2 and algorithm 1): as
// PCGrad, but towards the cosine t_ij that the two tasks have had so far, a moving average.
//   rho = cos(g_i', g_j)        where rho < t_ij:
//   g_i' += g_j ||g_i'|| (t sqrt(1 - rho^2) - rho sqrt(1 - t^2)) / (||g_j|| sqrt(1 - t^2))
//   t_ij <- (1 - beta) t_ij + beta rho             d = sum_i g_i'
// after which the cosine is t_ij. With coefficients c of g_i': <g_i', g_j> = (G c)_j, ||g_i'||^2 =
// c' G c. A target of 1 has no such step: t is kept at 1 - 1e-12 there. Gradients whole, of a
// layer, or of a matrix are a Gram each, with targets of their own. Targets begin at 0, where the
// step is PCGrad's; those of absent tasks stand still. State: K x K numbers a group.
#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "models/balance/gram/random_order.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights gradvac(const Matrix& gram, Vector& targets, size_t all_tasks,
                const std::vector<size_t>& tasks, const Noise& noise, double beta) {
  const std::vector<size_t> some = nonzero(gram);
  return where_nonzero(gram, [&](const Matrix& g) {
    Weights out{Vector(g.n, 0.0), {}};
    for (size_t i = 0; i < g.n; ++i) {
      Vector c(g.n, 0.0);
      c[i] = 1;
      for (const size_t j : random_order(noise, "gradvac", g.n, i)) {
        double& target = targets[tasks[some[i]] * all_tasks + tasks[some[j]]];
        double product = 0;
        for (size_t k = 0; k < g.n; ++k) product += g(j, k) * c[k];
        const double own = std::sqrt(quadratic(g, c)), other = std::sqrt(g(j, j));
        if (!(own > 0)) continue;  // nothing is left of g_i
        const double rho = std::clamp(product / (own * other), -1.0, 1.0);
        const double t = std::clamp(target, -1 + 1e-12, 1 - 1e-12);
        if (rho < t) {
          const double sine = std::sqrt(1 - t * t);
          c[j] += own * (t * std::sqrt(1 - rho * rho) - rho * sine) / (other * sine);
        }
        target = (1 - beta) * target + beta * rho;
      }
      for (size_t k = 0; k < g.n; ++k) out.w[k] += c[k];
    }
    return out;
  });
}

namespace {

class GradVac final : public Balance {
 public:
  explicit GradVac(const BalanceOptions& options) : Balance("gradvac", options) {
    require(options.beta >= 0 && options.beta <= 1, "gradvac", "beta", options.beta,
            "between 0 and 1");
  }
  std::string describe() const override {
    return fmt::format("gradvac: towards past cosines, beta {}, groups {}", options_.beta,
                       name_of(options_.groups));
  }
  Needs needs() const override { return Needs::gram; }
  Groups groups() const override { return options_.groups; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    const size_t size = count() * count();
    if (targets_.empty()) targets_.assign(step.grams.size() * size, 0.0);
    if (targets_.size() != step.grams.size() * size)
      throw Error(fmt::format("balance: gradvac has targets for {} groups, not {}",
                              targets_.size() / size, step.grams.size()));
    std::vector<Weights> out;
    for (size_t g = 0; g < step.grams.size(); ++g) {
      const auto begin = targets_.begin() + static_cast<std::ptrdiff_t>(g * size);
      const auto end = begin + static_cast<std::ptrdiff_t>(size);
      Vector own(begin, end);
      out.push_back(gradvac(step.grams[g], own, count(), step.tasks, step.noise, options_.beta));
      std::copy(own.begin(), own.end(), begin);
    }
    return out;
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"targets", &targets_}};
  }
  bool grows() const override { return true; }
  Vector targets_;  ///< [groups, K, K]; empty before the first step
};

}  // namespace

Made make_gradvac(const BalanceOptions& options) { return std::make_unique<GradVac>(options); }

}  // namespace weft::balance
