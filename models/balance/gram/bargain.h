// The bargaining equations of nash_mtl (p = 1) and fairgrad (p = 1 / alpha): x > 0 with
//   C x = k x^(-p)          C [n, n] a Gram, k > 0
// It is where f(x) = x' C x / 2 - sum_i k_i phi(x_i), phi' = x^(-p), is least: f is convex, so
// damped Newton steps find it from anywhere, without the convex-concave loop and the solver library
// of the official programs. The Hessian is C + diag(p k x^(-p - 1)), regular whatever C's rank.
// There is no such x where some combination of the gradients with weights >= 0 is 0.
#pragma once

#include "models/balance/matrix.h"

namespace weft::balance {

struct Bargain {
  Vector x;
  bool converged = false;
};

Bargain bargain(const Matrix& c, const Vector& k, double p);

}  // namespace weft::balance
