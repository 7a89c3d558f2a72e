// Jacobi's rotations, cyclic by rows.
#include "models/balance/spectrum.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace weft::balance {
namespace {

/// Turns the pair (p, q) so that m(p, q) becomes 0.
void rotate(Matrix& m, Matrix& v, size_t p, size_t q) {
  const double theta = (m(q, q) - m(p, p)) / (2 * m(p, q));
  const double t = (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::hypot(theta, 1.0));
  const double c = 1 / std::hypot(t, 1.0), s = t * c;
  m(p, p) -= t * m(p, q);
  m(q, q) += t * m(p, q);
  m(p, q) = m(q, p) = 0;
  for (size_t k = 0; k < m.n; ++k) {
    const double vp = v(k, p), vq = v(k, q);
    v(k, p) = c * vp - s * vq;
    v(k, q) = s * vp + c * vq;
    if (k == p || k == q) continue;
    const double mp = m(k, p), mq = m(k, q);
    m(k, p) = m(p, k) = c * mp - s * mq;
    m(k, q) = m(q, k) = s * mp + c * mq;
  }
}

}  // namespace

size_t Spectrum::rank() const {
  const double least = (values.empty() ? 0.0 : values[0]) * static_cast<double>(values.size()) *
                       std::numeric_limits<double>::epsilon();
  return static_cast<size_t>(
      std::count_if(values.begin(), values.end(), [&](double x) { return x > least; }));
}

Spectrum symmetric_eigen(Matrix m) {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  Matrix v(m.n);
  double largest = 0;
  for (size_t i = 0; i < m.n; ++i) {
    v(i, i) = 1;
    largest = std::max(largest, std::abs(m(i, i)));
  }
  bool turned = true;
  for (int sweep = 0; turned && sweep < 60; ++sweep) {
    turned = false;
    for (size_t p = 0; p + 1 < m.n; ++p)
      for (size_t q = p + 1; q < m.n; ++q) {
        const double scale = std::sqrt(std::abs(m(p, p))) * std::sqrt(std::abs(m(q, q)));
        if (std::abs(m(p, q)) <= eps * std::max(scale, eps * largest)) continue;
        rotate(m, v, p, q);
        turned = true;
      }
  }
  std::vector<size_t> order(m.n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return m(a, a) > m(b, b); });
  Spectrum out{Vector(m.n), Matrix(m.n), !turned};
  for (size_t k = 0; k < m.n; ++k) {
    out.values[k] = m(order[k], order[k]);
    for (size_t i = 0; i < m.n; ++i) out.vectors(i, k) = v(i, order[k]);
  }
  return out;
}

Vector pseudo_solve(const Spectrum& s, const Vector& b) {
  Vector x(b.size(), 0.0);
  for (size_t k = 0; k < s.rank(); ++k) {
    double along = 0;
    for (size_t i = 0; i < b.size(); ++i) along += s.vectors(i, k) * b[i];
    for (size_t i = 0; i < b.size(); ++i) x[i] += s.vectors(i, k) * along / s.values[k];
  }
  return x;
}

}  // namespace weft::balance
