// What a logit learns from where its gate z is select or skip: estimates of d E[L] / du beside the
// exact gradient. Two blocks each add 1 to x = 1, or are skipped; L = (x - 3)^2 is 4, 1, 1 or 0.
//   REINFORCE          (L(z) - b) d log p(z) / du       unbiased for every b that z has no part in
//   Gumbel-softmax     dL(s) / ds ds / du, s soft       biased; colder, less so, with more variance
//   straight through   dL(z) / dz ds / du, z = [s > 1/2]
// (Williams 1992; Jang et al., arXiv 1611.01144; Bengio et al., arXiv 1308.3432.)
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>

#include "ops/gate.h"
#include "ops/gumbel_softmax.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/softmax.h"

using namespace weft;

constexpr int draws = 20000, seed = 1;
using Gradient = std::array<double, 2>;  ///< d / du of each block's select logit
/// What draw number `draw` differentiates with respect to u.
using Estimator = std::function<Var(Tape&, const Var& u, uint32_t draw)>;

Tensor numbers(const Shape& shape, const std::vector<double>& values) {
  return Tensor::from(shape, values, DType::f64);
}

/// x' = f p0 + x p1 with f = ReLU(x + 1), twice; row l of p [2, 2] is block l's (select, skip).
Var loss(Tape& tape, const Var& p) {
  const Var one = tape.constant(numbers({1, 1}, {1}));
  Var x = one;
  for (int l = 0; l < 2; ++l)
    x = gate(relu(x + one), x, {{.f_group = 0, .r_group = 0, .p = p, .row = l}}, 1);
  const Var miss = x - tape.constant(numbers({1, 1}, {3}));
  return sum(miss * miss);
}

Var outcome(Tape& tape, bool first, bool second) {
  return tape.constant(numbers({2, 2}, {1.0 * first, 1.0 * !first, 1.0 * second, 1.0 * !second}));
}

Gradient gradient(CpuContext& cpu, const Estimator& of, uint32_t draw = 0) {
  Tape tape(&cpu);
  const Var u = tape.leaf(numbers({2, 2}, {0.5, 0, -0.5, 0}));
  tape.backward(of(tape, u, draw));
  const std::vector<double> g = tape.grad(u).to_vector();
  return {g[0], g[2]};
}

int main() {
  CpuContext cpu(1);
  const Gradient exact = gradient(cpu, [](Tape& tape, const Var& u, uint32_t) {
    Var expected = tape.constant(numbers({}, {0}));
    for (const bool a : {false, true})
      for (const bool b : {false, true}) {  // p(z) = exp(sum of log p of what z chose)
        const Var z = outcome(tape, a, b);
        expected = expected + exp(sum(z * log_softmax(u))) * loss(tape, z);
      }
    return expected;
  });
  const auto show = [&](const std::string& name, const Estimator& of) {
    Gradient mean{}, square{};
    for (uint32_t draw = 0; draw < draws; ++draw) {
      const Gradient g = gradient(cpu, of, draw);
      for (size_t l = 0; l < 2; ++l) mean[l] += g[l] / draws, square[l] += g[l] * g[l] / draws;
    }
    double variance = 0, bias = 0, errors = 0;  // errors: the larger bias in its standard error
    for (size_t l = 0; l < 2; ++l) {
      const double v = square[l] - mean[l] * mean[l], off = mean[l] - exact[l];
      variance += v, bias += off * off;
      errors = std::max(errors, std::abs(off) / std::sqrt(v / draws));
    }
    std::printf("%-27s%9.4f%9.4f%9.4f%9.1f%9.4f\n", name.c_str(), mean[0], mean[1], std::sqrt(bias),
                errors, variance);
  };
  std::printf("d E[L] / du                  block 1  block 2     bias  in s.e. variance\n");
  std::printf("%-27s%9.4f%9.4f\n", "exact, from 4 outcomes", exact[0], exact[1]);
  for (const bool centred : {false, true}) {
    double baseline = 0;  // the mean loss of the draws before
    show(centred ? "REINFORCE, mean baseline" : "REINFORCE",
         [&](Tape& tape, const Var& u, uint32_t draw) {
           const Philox words(seed, Stream::policy, draw, "gates");
           const std::vector<double> p = softmax(u).value().to_vector();
           const Var z = outcome(tape, words.uniform(0) < p[0], words.uniform(1) < p[2]);
           const double above = loss(tape, z).value().item() - baseline;
           if (centred) baseline += above / (draw + 1);
           return scale(sum(z * log_softmax(u)), above);
         });
  }
  for (const bool hard : {false, true})
    for (const double tau : {5.0, 2.0, 1.0, 0.5, 0.1})
      show(fmt::format("{}, tau = {:.1f}", hard ? "straight through" : "Gumbel-softmax", tau),
           [&](Tape& tape, const Var& u, uint32_t draw) {
             return loss(tape, gumbel_softmax(u, tau, hard, {seed, draw}, "gates"));
           });
}
