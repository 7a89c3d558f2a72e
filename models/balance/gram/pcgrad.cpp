// PCGrad (Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, arXiv 2001.06782,
// algorithm 1): from every gradient, what goes against the others is taken away, one after the
// other in a random order; d is the sum.
//   g_i' = g_i;  for j != i:  if <g_i', g_j> < 0:  g_i' -= <g_i', g_j> / ||g_j||^2 g_j
//   d = sum_i g_i'
// With g_i' = sum_k c_k g_k: <g_i', g_j> = (G c)_j, and the step is c_j -= (G c)_j / G_jj: O(K^3)
// numbers instead of K^2 products of length P. For K = 2, d has no conflict; for more it may have
// one (only the last visited j of each i is sure). Order: Philox (seed, balance, step, "pcgrad").
#include "models/balance/gram/random_order.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights pcgrad(const Matrix& gram, const Noise& noise) {
  return where_nonzero(gram, [&](const Matrix& g) {
    Weights out{Vector(g.n, 0.0), {}};
    for (size_t i = 0; i < g.n; ++i) {
      Vector c(g.n, 0.0);
      c[i] = 1;
      for (const size_t j : random_order(noise, "pcgrad", g.n, i)) {
        double product = 0;
        for (size_t k = 0; k < g.n; ++k) product += g(j, k) * c[k];
        if (product < 0) c[j] -= product / g(j, j);
      }
      for (size_t k = 0; k < g.n; ++k) out.w[k] += c[k];
    }
    return out;
  });
}

Made make_pcgrad(const BalanceOptions& options) {
  return of_gram("pcgrad", options, "pcgrad: conflicting parts projected away, in random order",
                 [](const BalanceStep& step, const BalanceOptions&) {
                   return pcgrad(step.grams[0], step.noise);
                 });
}

}  // namespace weft::balance
