// Eigenvalues of a symmetric matrix by Jacobi's rotations: S = V diag(values) V', V' V = 1.
// Sweeps over all pairs, in order, until nothing off the diagonal is left above rounding. For a
// Gram matrix it finds small eigenvalues with the relative accuracy that their rows' scales allow,
// which tridiagonal solvers do not (Demmel and Veselic, SIAM J. Matrix Anal. 13, 1992), and it is
// short enough for a kernel of one block. See Golub and Van Loan, 8.5.
#pragma once

#include "models/balance/matrix.h"

namespace weft::balance {

struct Spectrum {
  Vector values;   ///< descending
  Matrix vectors;  ///< column k belongs to values[k]
  bool converged = true;

  /// How many values are above n eps times the largest: the others are rounding.
  size_t rank() const;
};

Spectrum symmetric_eigen(Matrix m);
/// S^+ b: the shortest x of those with the least ||S x - b||, S positive semidefinite.
Vector pseudo_solve(const Spectrum& s, const Vector& b);

}  // namespace weft::balance
