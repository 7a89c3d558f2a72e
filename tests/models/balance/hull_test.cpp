// mgda, cagrad, upgrad and dualproj against enumeration of all active sets on whole vectors, and
// their optimality conditions where there are too many sets.
#include <algorithm>

#include "models/balance/active_set.h"
#include "models/balance/gram.h"
#include "tests/models/balance/jacobians.h"
#include "tests/support/catch.h"

using namespace weft;
using namespace weft::balance;
using namespace weft::test;

namespace {

constexpr Real none = 1e-17L;  // of what is 0 but for rounding in long double

/// The point of the rows' hull nearest to 0: of all subsets' affine hulls, the nearest feasible.
Vec shortest(const Mat& j) {
  Vec best = j.row(0).transpose();
  Real least = INFINITY;
  for (auto s : subsets(static_cast<int>(j.rows()))) {
    std::sort(s.begin(), s.end(), [&](int a, int b) { return j.row(a).norm() < j.row(b).norm(); });
    const Mat rows = rows_of(j, s);
    const Vec base = rows.row(0).transpose();
    Mat edges(rows.cols(), rows.rows() - 1);
    for (int i = 1; i < rows.rows(); ++i) edges.col(i - 1) = rows.row(i).transpose() - base;
    Vec t = Vec::Zero(edges.cols());
    if (edges.cols() > 0) t = edges.completeOrthogonalDecomposition().solve(Vec(-base));
    if (t.size() > 0 && (t.minCoeff() < -none || t.sum() > 1 + none)) continue;
    const Vec d = base + edges * t;
    if (d.norm() < least) least = d.norm(), best = d;
  }
  return best;
}

/// The vector nearest to g of all d with J d >= 0: of all subsets A, g less its part in span(A).
Vec project(const Mat& j, const Vec& g) {
  const Mat u = units(j);
  Vec best = Vec::Zero(g.size());
  Real least = g.norm();
  if ((u * g).minCoeff() >= 0) return g;
  for (const auto& s : subsets(static_cast<int>(j.rows()))) {
    const Mat a = rows_of(u, s).transpose();
    const Vec d = g - a * a.completeOrthogonalDecomposition().solve(g);
    if ((u * d).minCoeff() < -1e-15L * g.norm() || (d - g).norm() >= least) continue;
    least = (d - g).norm();
    best = d;
  }
  return best;
}

/// CAGrad's d by its dual on each subset: w(t) in closed form, t by bisection, optimality checked.
Vec conflict_averse(const Mat& j, Real c) {
  const int k = static_cast<int>(j.rows());
  const Vec g0 = j.colwise().mean().transpose(), b = j * g0;
  const Mat g = j * j.transpose();
  const Real r = c * g0.norm();
  for (const auto& s : subsets(k)) {
    const int n = static_cast<int>(s.size());
    const Mat gs = rows_of(j, s) * rows_of(j, s).transpose();
    Mat border = Mat::Zero(n + 1, n + 1);
    border.topLeftCorner(n, n) = gs;
    border.topRightCorner(n, 1).setOnes();
    border.bottomLeftCorner(1, n).setOnes();
    const Eigen::FullPivLU<Mat> lu(border);
    if (!lu.isInvertible()) continue;
    const auto at = [&](Real t) {
      Vec right(n + 1);
      for (int i = 0; i < n; ++i) right(i) = -t * b(s[static_cast<size_t>(i)]);
      right(n) = 1;
      return Vec(lu.solve(right).head(n));
    };
    Real lo = 0, hi = 100 * g.diagonal().maxCoeff() / (r * r) + 100;
    for (int i = 0; i < 300; ++i) {
      const Real t = (lo + hi) / 2;
      const Vec w = at(t);
      (w.dot(gs * w) > r * r * t * t ? lo : hi) = t;
    }
    const Vec ws = at(hi);
    if (ws.minCoeff() < -1e-15L) continue;
    Vec gw = Vec::Zero(j.cols());
    for (int i = 0; i < n; ++i) gw += ws(i) * j.row(s[static_cast<size_t>(i)]).transpose();
    if (std::abs(gw.norm() - r * hi) > 1e-12L * gw.norm()) continue;
    const Vec d = g0 + r / gw.norm() * gw, gains = j * d;
    Real worst = INFINITY;
    for (const int i : s) worst = std::min(worst, gains(i));
    if (gains.minCoeff() >= worst - 1e-13L * d.norm() * j.norm()) return d;
  }
  FAIL("no subset is optimal");
  return {};
}

}  // namespace

TEST_CASE("mgda is the shortest vector of the hull", "[models][balance]") {
  for (const Gradients& g : gradients({2, 3, 5, 8})) {
    INFO(g.name);
    const Weights found = mgda(g.gram());
    CHECK(found.notes.empty());
    const Vec expected = shortest(g.j);
    CHECK(off(g.direction(found.w), expected) <=
          1e-9L * std::max(expected.norm(), 1e-3L * g.j.rowwise().norm().minCoeff()));
    CHECK(sum(found.w) == Catch::Approx(1).epsilon(1e-14));
  }
}

TEST_CASE("mgda's optimality conditions hold for K up to 20", "[models][balance]") {
  for (const Gradients& g : gradients()) {
    INFO(g.name);
    const Weights found = mgda(g.gram());
    const Vec d = g.direction(found.w), gains = g.j * d;
    const Real square = d.squaredNorm();
    Real pieces = 0;  // what d may be the small difference of
    for (int i = 0; i < g.tasks(); ++i)
      pieces += Real(found.w[static_cast<size_t>(i)]) * g.j.row(i).norm();
    for (int i = 0; i < g.tasks(); ++i) {
      const Real slack = 1e-13L * pieces * (g.j.row(i).norm() + pieces);
      const double w = found.w[static_cast<size_t>(i)];
      REQUIRE(w >= 0);
      CHECK(gains(i) >= square - slack);
      if (w > 0) CHECK(gains(i) <= square + slack);
    }
  }
}

TEST_CASE("mgda's normalisers are those of the gradients", "[models][balance]") {
  const Gradients g = gradients({5})[1];
  const Vector losses{0.5, 2, 1, 3, 0.1};
  for (const char* kind : {"l2", "loss", "loss+"}) {
    Mat j = g.j;
    for (int i = 0; i < 5; ++i) {
      if (kind[1] == '2' || kind[4] == '+') j.row(i) /= g.j.row(i).norm();
      if (kind[0] == 'l' && kind[1] == 'o') j.row(i) /= Real(losses[static_cast<size_t>(i)]);
    }
    CHECK(off(g.direction(mgda(g.gram(), from_word<Normaliser>("normaliser", kind), losses).w),
              shortest(j)) < 1e-12L);
  }
  CHECK(mgda(g.gram(), Normaliser::loss, {0, 1, 1, 1, 1}).notes.size() == 1);
}

TEST_CASE("upgrad is the mean of the projections, dualproj the projection of the mean",
          "[models][balance]") {
  for (const Gradients& g : gradients({2, 3, 5, 8})) {
    INFO(g.name);
    Vec each = Vec::Zero(g.j.cols());
    for (int i = 0; i < g.tasks(); ++i)
      each += project(g.j, g.j.row(i).transpose()) / Real(g.tasks());
    CHECK(off(g.direction(upgrad(g.gram()).w), each) <= 1e-9L * g.size());
    const Vec mean = project(g.j, g.j.colwise().mean().transpose());
    CHECK(off(g.direction(dualproj(g.gram()).w), mean) <= 1e-9L * g.size());
  }
}

TEST_CASE("projections on the dual cone keep their optimality conditions for K up to 20",
          "[models][balance]") {
  for (const Gradients& g : gradients()) {
    INFO(g.name);
    for (const int which : {0, 1, g.tasks()}) {  // e_i, or all
      Vector u(static_cast<size_t>(g.tasks()), which == g.tasks() ? 1.0 : 0.0);
      if (which < g.tasks()) u[static_cast<size_t>(which)] = 1;
      const Minimum found = project_on_dual_cone(g.gram(), u);
      REQUIRE(found.converged);
      const Vec d = g.direction(found.x), gains = g.j * d;
      // What d is the small difference of.
      Real pieces = 0;
      for (int i = 0; i < g.tasks(); ++i)
        pieces += std::abs(Real(found.x[static_cast<size_t>(i)])) * g.j.row(i).norm();
      for (int i = 0; i < g.tasks(); ++i) {
        const Real slack = 1e-12L * pieces * g.j.row(i).norm();
        const double more = found.x[static_cast<size_t>(i)] - u[static_cast<size_t>(i)];
        CHECK(more >= 0);
        CHECK(gains(i) >= -slack);
        if (more > 0) CHECK(gains(i) <= slack);
      }
    }
    const Vec d = g.direction(upgrad(g.gram()).w);
    CHECK((units(g.j) * d).minCoeff() >= -1e-10L * g.size());
  }
}

TEST_CASE("upgrad follows each gradient's scale linearly", "[models][balance]") {
  const Gradients g = gradients({5})[1];
  const Vector s{2, 0.5, 3, 10, 0.01};
  Vec expected = Vec::Zero(g.j.cols());
  for (size_t i = 0; i < 5; ++i) {
    Vector u(5, 0.0);
    u[i] = s[i] / 5;
    expected += g.direction(project_on_dual_cone(g.gram(), u).x);
  }
  Gradients other = g;
  for (int i = 0; i < 5; ++i) other.j.row(i) *= Real(s[static_cast<size_t>(i)]);
  CHECK(off(other.direction(upgrad(other.gram()).w), expected) < 1e-12L);
}

TEST_CASE("cagrad is the best of its ball for the worst task", "[models][balance]") {
  for (const Gradients& g : gradients({2, 3, 5, 8})) {
    if (!g.independent || g.name.find("badly") != std::string::npos) continue;
    for (const double c : {0.2, 0.5, 0.9}) {
      INFO(g.name << ", c " << c);
      const Vec expected = conflict_averse(g.j, Real(c));
      CHECK(off(g.direction(cagrad(g.gram(), c).w), expected) <= 1e-9L * expected.norm());
    }
  }
}

TEST_CASE("cagrad closes the gap to its dual for K up to 20, whatever the Gram",
          "[models][balance]") {
  for (const Gradients& g : gradients()) {
    INFO(g.name);
    const double c = 0.5;
    const Weights found = cagrad(g.gram(), c);
    const Vec g0 = g.j.colwise().mean().transpose(), d = g.direction(found.w);
    const Real r = Real(c) * g0.norm();
    if (!found.notes.empty()) {  // g_w = 0: the mean gradient
      CHECK_FALSE(g.leans);
      CHECK(off(d, g0) <= 1e-14L * g.size());
      continue;
    }
    CHECK((d - g0).norm() <= r * (1 + 1e-9L));
    // The dual's point is the direction from g_0 to d.
    Vector w(found.w.size());
    for (size_t i = 0; i < w.size(); ++i) w[i] = found.w[i] - 1.0 / static_cast<double>(w.size());
    const double total = sum(w);
    for (double& x : w) {
      CHECK(x >= -1e-9 * total);
      x /= total;
    }
    const Vec gw = g.direction(w);
    const Real dual = gw.dot(g0) + r * gw.norm(), primal = (g.j * d).minCoeff();
    CHECK(dual - primal <= 1e-9L * g.size() * g.size());
    CHECK(dual - primal >= -1e-9L * g.size() * g.size());
  }
}

TEST_CASE("cagrad: c = 0 is the mean, rescale divides by 1 + c^2", "[models][balance]") {
  const Matrix gram = gradients({5})[1].gram();
  CHECK(cagrad(gram, 0).w == mean_weights(5));
  const Vector plain = cagrad(gram, 0.5).w, rescaled = cagrad(gram, 0.5, true).w;
  for (size_t i = 0; i < 5; ++i) CHECK(rescaled[i] == Catch::Approx(plain[i] / 1.25));
}

TEST_CASE("the simplex's nearest point", "[models][balance]") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Mat x = normal(seed, 1, 6) * Real(2);
    Vector v(6);
    for (int i = 0; i < 6; ++i) v[static_cast<size_t>(i)] = static_cast<double>(x(0, i));
    const Vector y = project_on_simplex(v);
    CHECK(sum(y) == Catch::Approx(1).epsilon(1e-14));
    // v - y is one number where y > 0, and not more elsewhere.
    double shift = -1e300;
    for (size_t i = 0; i < 6; ++i) shift = std::max(shift, v[i] - y[i]);
    for (size_t i = 0; i < 6; ++i)
      if (y[i] > 0) CHECK(v[i] - y[i] == Catch::Approx(shift).epsilon(1e-12));
  }
}
