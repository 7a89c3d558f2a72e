// Loops over K numbers, and Cholesky's decomposition.
#include "models/balance/matrix.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace weft::balance {

Matrix::Matrix(Vector rows) : values(std::move(rows)) {
  while (n * n < values.size()) ++n;
  if (n * n != values.size())
    throw Error(fmt::format("balance: {} numbers are no square matrix", values.size()));
}

bool finite(const Vector& a) {
  return std::all_of(a.begin(), a.end(), [](double x) { return std::isfinite(x); });
}

double dot(const Vector& a, const Vector& b) {
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

double sum(const Vector& a) {
  double total = 0;
  for (const double x : a) total += x;
  return total;
}

Vector times(const Matrix& m, const Vector& a) {
  Vector out(m.n, 0.0);
  for (size_t i = 0; i < m.n; ++i)
    for (size_t j = 0; j < m.n; ++j) out[i] += m(i, j) * a[j];
  return out;
}

namespace {

/// std::max(0.0, x) would make 0 of a NaN.
double not_below_zero(double x) { return x < 0 ? 0 : x; }

}  // namespace

double quadratic(const Matrix& m, const Vector& a) { return not_below_zero(dot(a, times(m, a))); }

Vector norms(const Matrix& gram) {
  Vector out(gram.n);
  for (size_t i = 0; i < gram.n; ++i) out[i] = std::sqrt(not_below_zero(gram(i, i)));
  return out;
}

Matrix scaled(const Matrix& m, const Vector& s) {
  Matrix out(m.n);
  for (size_t i = 0; i < m.n; ++i)
    for (size_t j = 0; j < m.n; ++j) out(i, j) = s[i] * m(i, j) * s[j];
  return out;
}

Matrix part(const Matrix& m, const std::vector<size_t>& chosen) {
  Matrix out(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i)
    for (size_t j = 0; j < chosen.size(); ++j) out(i, j) = m(chosen[i], chosen[j]);
  return out;
}

Vector part(const Vector& a, const std::vector<size_t>& chosen) {
  Vector out;
  for (const size_t i : chosen) out.push_back(a[i]);
  return out;
}

std::vector<size_t> nonzero(const Matrix& gram) {
  std::vector<size_t> out;
  for (size_t i = 0; i < gram.n; ++i)
    if (gram(i, i) > 0) out.push_back(i);
  return out;
}

bool cholesky(const Matrix& m, Matrix& lower, double least) {
  lower = Matrix(m.n);
  for (size_t j = 0; j < m.n; ++j) {
    double pivot = m(j, j);
    for (size_t k = 0; k < j; ++k) pivot -= lower(j, k) * lower(j, k);
    if (!(pivot > least * m(j, j))) return false;
    lower(j, j) = std::sqrt(pivot);
    for (size_t i = j + 1; i < m.n; ++i) {
      double x = m(i, j);
      for (size_t k = 0; k < j; ++k) x -= lower(i, k) * lower(j, k);
      lower(i, j) = x / lower(j, j);
    }
  }
  return true;
}

Vector cholesky_solve(const Matrix& lower, Vector b) {
  const size_t n = lower.n;
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) b[i] -= lower(i, k) * b[k];
    b[i] /= lower(i, i);
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) b[i] -= lower(k, i) * b[k];
    b[i] /= lower(i, i);
  }
  return b;
}

}  // namespace weft::balance
