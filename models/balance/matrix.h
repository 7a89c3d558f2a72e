// Matrix: n x n doubles, row by row. Of tasks' gradients, G_ij = <g_i, g_j> is all that a Gram
// method asks for: with d = sum_i w_i g_i, <d, g_i> = (G w)_i and ||d||^2 = w' G w, so directions
// in the space of all parameters are vectors of K numbers here. Loops have a fixed order.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace weft::balance {

using Vector = std::vector<double>;

struct Matrix {
  size_t n = 0;
  Vector values;  ///< [n * n]

  Matrix() = default;
  explicit Matrix(size_t size) : n(size), values(size * size, 0.0) {}
  Matrix(size_t size, Vector rows) : n(size), values(std::move(rows)) {}
  /// Of n * n numbers, as per-task gradients give their Gram; Error for another number of them.
  Matrix(Vector rows);
  double& operator()(size_t i, size_t j) { return values[i * n + j]; }
  double operator()(size_t i, size_t j) const { return values[i * n + j]; }
  bool operator==(const Matrix&) const = default;
};

/// No infinity and no NaN.
bool finite(const Vector& a);
double dot(const Vector& a, const Vector& b);
double sum(const Vector& a);
/// M a.
Vector times(const Matrix& m, const Vector& a);
/// a' M a, not below 0: what rounding takes below it is 0 for a Gram; NaN stays NaN.
double quadratic(const Matrix& m, const Vector& a);
/// sqrt(G_ii), the gradients' norms; NaN where G_ii is.
Vector norms(const Matrix& gram);
/// s_i M_ij s_j: the Gram of s_i g_i.
Matrix scaled(const Matrix& m, const Vector& s);
/// Rows and columns `chosen` of it.
Matrix part(const Matrix& m, const std::vector<size_t>& chosen);
Vector part(const Vector& a, const std::vector<size_t>& chosen);
/// Indices of the gradients that are not 0.
std::vector<size_t> nonzero(const Matrix& gram);

/// The lower triangular L of M = L L', for a symmetric positive definite M: false where a pivot is
/// not above `least` times its diagonal element. Reads the lower triangle.
bool cholesky(const Matrix& m, Matrix& lower, double least = 1e-14);
/// x of L L' x = b.
Vector cholesky_solve(const Matrix& lower, Vector b);

}  // namespace weft::balance
