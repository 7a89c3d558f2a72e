// Quadratic programs on the orthant and on the simplex, by one active set method:
//   minimum over x >= 0 of  x' Q x / 2 + c' x,   and, where `simplex`, sum x = 1
// Q [n, n] symmetric positive semidefinite, c [n] in Q's range. Indices come in one by one, each
// with the most negative derivative, and leave where they would become negative (Lawson and Hanson,
// Solving Least Squares Problems, 1974, chapter 23; Wolfe, Mathematical Programming 11, 1976, for
// the simplex). An index that comes in is independent of those that are in, so that no matrix that
// is solved is singular, whatever Q's rank. Rows are scaled to Q_ii = 1 first: gradients of 1e-6
// and of 1e6 are the same problem. The minimum has x_i > 0 with derivative 0, x_i = 0 with >= 0
// (less the multiplier of the sum).
#pragma once

#include "models/balance/matrix.h"

namespace weft::balance {

struct Minimum {
  Vector x;
  std::vector<bool> free;  ///< x_i > 0
  bool converged = true;
};

Minimum minimise(const Matrix& q, const Vector& c, bool simplex);

/// Weights v of the point nearest to sum_i u_i g_i of all d with <d, g_i> >= 0 for every i:
/// v = argmin v' G v, v >= u (Quinton and Rey, arXiv 2406.16232, proposition 1).
Minimum project_on_dual_cone(const Matrix& gram, const Vector& u);

/// The point of the simplex nearest to x (Duchi et al., ICML 2008, figure 1).
Vector project_on_simplex(const Vector& x);

}  // namespace weft::balance
