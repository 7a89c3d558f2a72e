// ConFIG (Liu, Chu and Thuerey, ConFIG: Towards Conflict-free Training of Physics Informed Neural
// Networks, ICLR 2025, arXiv 2408.11104, equation 2): d has one cosine with every gradient,
// and is as long as the gradients' projections on it together.
//   U: rows u_i = g_i / ||g_i||   v = U^+ 1   e = v / ||v||   d = (sum_i <g_i, e>) e
// In the Gram C of the u_i: v = sum_i x_i u_i with x = C^+ 1, ||v||^2 = x' C x, and w_i = l x_i /
// ||g_i|| with l = sum_i ||g_i|| (C x)_i / ||v||^2. With independent gradients (C x)_i = 1: <d,
// u_i> is the same for every i, and above 0. With dependent ones cosines are only as near to it as
// least squares allow. Where v = 0 (gradients that cancel) weights are 0, with a note.
#include <cmath>

#include "models/balance/gram.h"
#include "models/balance/make.h"
#include "models/balance/spectrum.h"

namespace weft::balance {

Weights config(const Matrix& gram) {
  return where_nonzero(gram, [](const Matrix& g) {
    const Vector n = norms(g);
    Vector inverse(g.n);
    for (size_t i = 0; i < g.n; ++i) inverse[i] = 1 / n[i];
    const Matrix c = scaled(g, inverse);
    Weights out{pseudo_solve(symmetric_eigen(c), Vector(g.n, 1.0)), {}};
    const double square = quadratic(c, out.w);
    if (square <= 1e-20 * static_cast<double>(g.n)) {
      out.w.assign(g.n, 0.0);
      out.notes.push_back({"the gradients cancel: no direction, weights are 0", {}});
      return out;
    }
    const double length = dot(n, times(c, out.w)) / square;
    for (size_t i = 0; i < g.n; ++i) out.w[i] *= length * inverse[i];
    return out;
  });
}

Made make_config(const BalanceOptions& options) {
  return of_gram(
      "config", options, "config: one cosine with every gradient",
      [](const BalanceStep& step, const BalanceOptions&) { return config(step.grams[0]); });
}

}  // namespace weft::balance
