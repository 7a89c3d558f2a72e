// The active set method of active_set.h; z_i = x_i / s_i are the scaled unknowns.
#include "models/balance/active_set.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace weft::balance {
namespace {

struct Problem {
  Matrix q;     ///< unit diagonal
  Vector c, a;  ///< where simplex: a' z = 1
  bool simplex = false;

  /// The derivatives less the multiplier of the sum, and how large a rounding error they may have.
  Vector slope(const Vector& z, double multiplier, Vector& rounding) const {
    Vector out(q.n);
    rounding.assign(q.n, 0.0);
    for (size_t i = 0; i < q.n; ++i) {
      const double m = simplex ? multiplier * a[i] : 0;
      out[i] = c[i] - m;
      double size = std::abs(c[i]) + std::abs(m);
      for (size_t j = 0; j < q.n; ++j) {
        out[i] += q(i, j) * z[j];
        size += std::abs(q(i, j) * z[j]);
      }
      rounding[i] = size * static_cast<double>(q.n + 4) * std::numeric_limits<double>::epsilon();
    }
    return out;
  }
};

/// The minimum over z_S alone, of any sign; false where Q_S is singular.
bool solve_on(const Problem& p, const std::vector<size_t>& s, Vector& z, double& multiplier) {
  Matrix m = part(p.q, s), lower;
  const Vector a = part(p.a, s);
  Vector c = part(p.c, s);
  for (double& x : c) x = -x;
  if (!p.simplex) {
    if (!cholesky(m, lower)) return false;
    z = cholesky_solve(lower, c);
    return true;
  }
  // On a' z = 1 adding a a' changes the value by a constant, and the matrix to one that is regular
  // wherever the points are affinely independent.
  const double weight = 1 / dot(a, a);
  for (size_t i = 0; i < m.n; ++i)
    for (size_t j = 0; j < m.n; ++j) m(i, j) += weight * a[i] * a[j];
  if (!cholesky(m, lower)) return false;
  z = cholesky_solve(lower, c);
  const Vector y = cholesky_solve(lower, a);
  const double nu = (1 - dot(a, z)) / dot(a, y);
  for (size_t i = 0; i < z.size(); ++i) z[i] += nu * y[i];
  multiplier = nu - weight;
  return true;
}

/// The vertex of the simplex with the least value.
size_t best_vertex(const Problem& p) {
  size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < p.q.n; ++i) {
    const double z = 1 / p.a[i], value = z * z * p.q(i, i) / 2 + p.c[i] * z;
    if (value < least) least = value, best = i;
  }
  return best;
}

struct Search {
  Problem p;
  Vector z;
  double multiplier = 0;
  std::vector<size_t> in;  ///< in the order in which they came

  /// Moves to the minimum over the indices that are in, dropping those that reach 0 on the way.
  /// False where the last to come in makes the matrix singular or would leave at once.
  bool descend() {
    const size_t newest = in.back();
    bool first = true;
    while (!in.empty()) {
      Vector goal;
      double nu = 0;
      if (!solve_on(p, in, goal, nu)) return false;
      if (first && in.size() > 1 && goal.back() <= 0 && in.back() == newest) return false;
      first = false;
      double step = 1;
      size_t leaves = in.size();
      for (size_t k = 0; k < in.size(); ++k)
        if (goal[k] <= 0 && z[in[k]] / (z[in[k]] - goal[k]) <= step)
          step = z[in[k]] / (z[in[k]] - goal[k]), leaves = k;
      for (size_t k = 0; k < in.size(); ++k) z[in[k]] += step * (goal[k] - z[in[k]]);
      if (leaves == in.size()) {
        for (size_t k = 0; k < in.size(); ++k) z[in[k]] = goal[k];
        multiplier = nu;
        return true;
      }
      z[in[leaves]] = 0;
      in.erase(in.begin() + static_cast<std::ptrdiff_t>(leaves));
    }
    return true;
  }
};

}  // namespace

Minimum minimise(const Matrix& q, const Vector& c, bool simplex) {
  const size_t n = q.n;
  Vector s(n, 1.0);
  for (size_t i = 0; i < n; ++i)
    if (q(i, i) > 0) s[i] = 1 / std::sqrt(q(i, i));
  Search search{{scaled(q, s), c, s, simplex}, Vector(n, 0.0), 0, {}};
  for (size_t i = 0; i < n; ++i) search.p.c[i] *= s[i];
  if (simplex && n > 0) {
    const size_t start = best_vertex(search.p);
    search.in = {start};
    search.z[start] = 1 / s[start];
    search.multiplier = (search.p.q(start, start) * search.z[start] + search.p.c[start]) / s[start];
  }
  Minimum out{Vector(n), std::vector<bool>(n, false), false};
  std::vector<bool> refused(n, false);  // since the last move: would come in without being able to
  for (size_t round = 0; round < 20 * n + 20; ++round) {
    Vector rounding;
    const Vector slope = search.p.slope(search.z, search.multiplier, rounding);
    size_t next = n;
    for (size_t i = 0; i < n; ++i) {
      const bool is_in = std::find(search.in.begin(), search.in.end(), i) != search.in.end();
      if (is_in || refused[i] || slope[i] >= -4 * rounding[i]) continue;
      if (next == n || slope[i] < slope[next]) next = i;
    }
    if (next == n) {
      // Whoever was refused has to be at its minimum but for rounding, too.
      out.converged = true;
      for (size_t i = 0; i < n; ++i)
        if (refused[i] && slope[i] < -1e6 * rounding[i]) out.converged = false;
      break;
    }
    const Search before = search;
    search.in.push_back(next);
    if (search.descend()) {
      refused.assign(n, false);
    } else {
      search = before;
      refused[next] = true;
    }
  }
  for (size_t i = 0; i < n; ++i) {
    out.x[i] = search.z[i] * s[i];
    out.free[i] = search.z[i] > 0;
  }
  return out;
}

Minimum project_on_dual_cone(const Matrix& gram, const Vector& u) {
  Minimum out = minimise(gram, times(gram, u), false);
  for (size_t i = 0; i < u.size(); ++i) out.x[i] += u[i];
  return out;
}

Vector project_on_simplex(const Vector& x) {
  Vector sorted = x;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double total = 0, shift = 0;
  for (size_t k = 0; k < sorted.size(); ++k) {
    total += sorted[k];
    const double t = (total - 1) / static_cast<double>(k + 1);
    if (sorted[k] > t) shift = t;
  }
  Vector out = x;
  for (double& y : out) y = std::max(y - shift, 0.0);
  return out;
}

}  // namespace weft::balance
