// IMTL-G (Liu et al., Towards Impartial Multi-task Learning, ICLR 2021): d has the
// same projection on every task's unit gradient, and the weights' sum is 1.
//   w = G^+ n / (1' G^+ n),  n_i = ||g_i||:  (G w)_i / n_i is the same for every i
// The paper solves for w_2 .. w_K; this is the same for independent gradients, and the form of
// Quinton and Rey (arXiv 2406.16232) for dependent ones. Independent ones are solved
// with rows scaled to 1, so that their units cost no digits. Weights may be below 0. Where 1' G^+ n
// < 0 the division turns d against every task; where it is 0 the mean gradient is taken; both with
// a note.
#include <cmath>

#include "models/balance/gram.h"
#include "models/balance/make.h"
#include "models/balance/spectrum.h"

namespace weft::balance {

Weights imtl_g(const Matrix& gram) {
  return where_nonzero(gram, [](const Matrix& g) {
    const Vector n = norms(g);
    Vector inverse(g.n);
    for (size_t i = 0; i < g.n; ++i) inverse[i] = 1 / n[i];
    Weights out;
    Matrix lower;
    if (cholesky(scaled(g, inverse), lower, 1e-12)) {
      out.w = cholesky_solve(lower, Vector(g.n, 1.0));
      for (size_t i = 0; i < g.n; ++i) out.w[i] /= n[i];
    } else {
      out.w = pseudo_solve(symmetric_eigen(g), n);
    }
    const double total = sum(out.w);
    double size = 0;
    for (const double w : out.w) size += std::abs(w);
    if (std::abs(total) <= 1e-12 * size || size == 0) {
      out.w = mean_weights(g.n);
      out.notes.push_back({"the weights' sum is 0: the mean gradient is taken", {}});
      return out;
    }
    if (total < 0)
      out.notes.push_back({"the weights' sum is below 0: d goes against all tasks", {}});
    for (double& w : out.w) w /= total;
    return out;
  });
}

Made make_imtl_g(const BalanceOptions& options) {
  return of_gram(
      "imtl_g", options, "imtl_g: one projection on every unit gradient",
      [](const BalanceStep& step, const BalanceOptions&) { return imtl_g(step.grams[0]); });
}

}  // namespace weft::balance
