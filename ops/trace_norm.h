// trace_norm: y = sum of the singular values of X [R, P] = tr sqrt(X X^T), a scalar, for few rows
// R and any P (also called nuclear norm: the convex hull of the rank).
//   G = X X^T = V diag(l) V^T;  y = sum_i sqrt(l_i);  dX = dy A X,  A = V diag(1 / sqrt(l_i)) V^T
// The products run on the device; G [R, R] is decomposed on the host in f64 by Jacobi rotations,
// for which a GPU is waited for. An eigenvalue within rounding of 0 counts as 0 in both: a
// subgradient, and nothing is infinite. Retains X and A.
#pragma once

#include "engine/tape.h"

namespace weft {

Var trace_norm(const Var& x, SourceLoc = SourceLoc::here());

}  // namespace weft
