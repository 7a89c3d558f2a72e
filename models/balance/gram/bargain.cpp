// Damped Newton on the bargain's potential.
#include "models/balance/gram/bargain.h"

#include <algorithm>
#include <cmath>

namespace weft::balance {
namespace {

double potential(const Matrix& c, const Vector& k, double p, const Vector& x) {
  double f = quadratic(c, x) / 2;
  for (size_t i = 0; i < x.size(); ++i)
    f -= k[i] * (p == 1 ? std::log(x[i]) : std::pow(x[i], 1 - p) / (1 - p));
  return f;
}

}  // namespace

Bargain bargain(const Matrix& c, const Vector& k, double p) {
  const size_t n = c.n;
  // For each task alone: C_ii x = k x^(-p); divided by the root of n, as if all pulled one way.
  Vector x(n), slope(n), step;
  for (size_t i = 0; i < n; ++i)
    x[i] = std::pow(k[i] / (c(i, i) * static_cast<double>(n)), 1 / (1 + p));
  double best = INFINITY;  // the largest relative residual
  Bargain out;
  int worse = 0;
  for (int round = 0; round < 500 && worse < 3; ++round) {
    const Vector cx = times(c, x);
    Matrix hessian = c, lower;
    double residual = 0;
    for (size_t i = 0; i < n; ++i) {
      const double pull = k[i] * std::pow(x[i], -p);
      double pieces = 0;  // what rounding is relative to
      for (size_t j = 0; j < n; ++j) pieces += std::abs(c(i, j)) * x[j];
      slope[i] = pull - cx[i];
      residual = std::max(residual, std::abs(slope[i]) / (pull + 1e-5 * pieces));
      hessian(i, i) += p * pull / x[i];
    }
    if (residual < best)
      best = residual, out.x = x;
    else if (best < 1e-10)
      ++worse;  // rounding is all that is left
    if (residual == 0 || !cholesky(hessian, lower, 0)) break;
    step = cholesky_solve(lower, slope);
    double fall = dot(slope, step), length = 1;
    for (size_t i = 0; i < n; ++i)
      if (step[i] < 0) length = std::min(length, -0.95 * x[i] / step[i]);
    Vector next(n);
    const double here = potential(c, k, p, x);
    for (int halving = 0; halving < 60; ++halving, length /= 2) {
      for (size_t i = 0; i < n; ++i) next[i] = x[i] + length * step[i];
      // Near the minimum f itself is only known to rounding.
      if (potential(c, k, p, next) <= here - 0.1 * length * fall + 1e-14 * std::abs(here)) break;
    }
    x = next;
  }
  out.converged = best < 1e-8 && finite(out.x);
  return out;
}

}  // namespace weft::balance
