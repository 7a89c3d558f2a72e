// Gradients for the tests of balancing: J [K, P] in many shapes, their Gram, and tools that compute
// with whole vectors in long double, so that what is tested is held against something else.
#pragma once

#include <Eigen/Dense>
#include <cmath>
#include <string>
#include <vector>

#include "engine/philox.h"
#include "models/balance/matrix.h"
#include "tests/support/sanitized.h"

namespace weft::test {

using Real = long double;
using Mat = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;
using Vec = Eigen::Matrix<Real, Eigen::Dynamic, 1>;

struct Gradients {
  std::string name;
  Mat j;             ///< [K, P]
  bool leans;        ///< all have a positive product with one vector: no combination is 0
  bool independent;  ///< rank K

  balance::Matrix gram() const {
    const Mat g = j * j.transpose();
    balance::Matrix out(static_cast<size_t>(g.rows()));
    for (size_t i = 0; i < out.n; ++i)
      for (size_t k = 0; k < out.n; ++k)
        out(i, k) = static_cast<double>(g(static_cast<int>(i), static_cast<int>(k)));
    return out;
  }
  int tasks() const { return static_cast<int>(j.rows()); }
  /// The largest norm of a row.
  Real size() const { return j.rowwise().norm().maxCoeff(); }
  /// sum_i w_i g_i.
  Vec direction(const balance::Vector& w) const {
    Vec d = Vec::Zero(j.cols());
    for (int i = 0; i < tasks(); ++i) d += Real(w[static_cast<size_t>(i)]) * j.row(i).transpose();
    return d;
  }
};

inline Mat normal(uint64_t seed, int rows, int columns) {
  const Philox philox(seed, Stream::data, 0, "jacobian");
  Mat out(rows, columns);
  for (int i = 0; i < rows; ++i)
    for (int k = 0; k < columns; ++k)
      out(i, k) = Real(philox.normal(static_cast<uint64_t>(i * columns + k)));
  return out;
}

/// Random, leaning (in conflict, but no combination is 0), of low rank, opposed, badly scaled.
inline std::vector<Gradients> gradients(const std::vector<int>& tasks = {2, 3, 5, 8, 20}) {
  std::vector<Gradients> out;
  for (const int k : tasks) {
    if (sanitized && k > 3 && out.size() > 0) break;  // Eigen without an optimiser
    for (uint64_t seed = 0; seed < cases<uint64_t>(3, 1); ++seed) {
      const std::string name = "K = " + std::to_string(k) + ", seed " + std::to_string(seed) + ": ";
      const int p = 2 * k + 3;
      Mat random = normal(seed * 100 + static_cast<uint64_t>(k), k, p);
      out.push_back({name + "random", random, false, true});
      Mat lean = random;
      lean.col(0).setConstant(Real(0.5));
      out.push_back({name + "leaning", lean, true, true});
      Mat scaled = lean;
      for (int i = 0; i < k; ++i) scaled.row(i) *= std::pow(Real(10), Real((i * 7 + 3) % 13 - 6));
      out.push_back({name + "badly scaled", scaled, true, true});
      const int rank = std::max(1, k / 2);
      const Mat mix = normal(seed + 7, k, rank).cwiseAbs();
      out.push_back({name + "low rank, leaning", mix * lean.topRows(rank), true, false});
      out.push_back(
          {name + "low rank", normal(seed + 8, k, rank) * random.topRows(rank), false, false});
      Mat opposed = random;
      opposed.row(k - 1) = Real(-2) * opposed.row(0);
      out.push_back({name + "opposed", opposed, false, false});
      Mat nearly = lean;
      nearly.row(k - 1) = -lean.row(0);
      nearly(k - 1, 0) = Real(1e-3);
      out.push_back({name + "nearly opposed", nearly, true, true});
    }
  }
  return out;
}

/// Every subset of 0 .. n-1 but the empty one.
inline std::vector<std::vector<int>> subsets(int n) {
  std::vector<std::vector<int>> out;
  for (int bits = 1; bits < (1 << n); ++bits) {
    std::vector<int> s;
    for (int i = 0; i < n; ++i)
      if ((bits >> i) & 1) s.push_back(i);
    out.push_back(s);
  }
  return out;
}

inline Mat rows_of(const Mat& j, const std::vector<int>& s) {
  Mat out(static_cast<int>(s.size()), j.cols());
  for (size_t i = 0; i < s.size(); ++i) out.row(static_cast<int>(i)) = j.row(s[i]);
  return out;
}

/// Rows of norm 1.
inline Mat units(const Mat& j) {
  Mat out = j;
  for (int i = 0; i < out.rows(); ++i) out.row(i) /= out.row(i).norm();
  return out;
}

inline Real off(const Vec& a, const Vec& b) { return (a - b).norm(); }

}  // namespace weft::test
