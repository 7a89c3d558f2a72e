// The other methods of the Gram against their definitions on whole vectors in long double.
#include <algorithm>

#include "models/balance/gram.h"
#include "models/balance/gram/random_order.h"
#include "models/balance/spectrum.h"
#include "tests/models/balance/jacobians.h"
#include "tests/support/catch.h"

using namespace weft;
using namespace weft::balance;
using namespace weft::test;

namespace {

const Noise noise{3, 41};

Real size_of(const Gradients& g, const Vector& w) {
  Real total = 0;
  for (int i = 0; i < g.tasks(); ++i)
    total += std::abs(Real(w[static_cast<size_t>(i)])) * g.j.row(i).norm();
  return total;
}

}  // namespace

TEST_CASE("pcgrad is the surgery on whole vectors", "[models][balance]") {
  for (const Gradients& g : gradients()) {
    INFO(g.name);
    const size_t n = static_cast<size_t>(g.tasks());
    Vec expected = Vec::Zero(g.j.cols());
    for (size_t i = 0; i < n; ++i) {
      Vec own = g.j.row(static_cast<int>(i)).transpose();
      for (const size_t j : random_order(noise, "pcgrad", n, i)) {
        const Vec other = g.j.row(static_cast<int>(j)).transpose();
        const Real product = own.dot(other);
        // Opposed gradients leave nothing but rounding, whose sign is nobody's.
        if (product < -1e-15L * own.norm() * other.norm())
          own -= product / other.squaredNorm() * other;
      }
      expected += own;
    }
    CHECK(off(g.direction(pcgrad(g.gram(), noise).w), expected) <= 1e-9L * g.size());
  }
}

TEST_CASE("pcgrad's direction has no conflict for two tasks", "[models][balance]") {
  for (const Gradients& g : gradients({2}))
    CHECK((units(g.j) * g.direction(pcgrad(g.gram(), noise).w)).minCoeff() >= -1e-14L * g.size());
}

TEST_CASE("random orders are permutations, and differ by step and task", "[models][balance]") {
  std::vector<size_t> order = random_order(noise, "pcgrad", 9, 4);
  CHECK(order != random_order({3, 42}, "pcgrad", 9, 4));
  CHECK(order == random_order(noise, "pcgrad", 9, 4));
  std::sort(order.begin(), order.end());
  CHECK(order == std::vector<size_t>{0, 1, 2, 3, 5, 6, 7, 8});
  // Every first place is as likely.
  std::vector<int> first(4);
  for (uint32_t step = 0; step < 3000; ++step) ++first[random_order({1, step}, "x", 4, 3)[0]];
  for (size_t i = 0; i < 3; ++i) CHECK(std::abs(first[i] - 1000) < 120);
}

TEST_CASE("gradvac turns whole vectors to their targets", "[models][balance]") {
  for (const Gradients& g : gradients({2, 3, 5, 8})) {
    if (!g.leans) continue;  // where nothing is left of a vector, its cosine is rounding
    INFO(g.name);
    const size_t n = static_cast<size_t>(g.tasks());
    std::vector<size_t> all(n);
    for (size_t i = 0; i < n; ++i) all[i] = i;
    Vector targets(n * n, 0.0);
    std::vector<Real> t(n * n, 0.0L);
    for (uint32_t step = 0; step < 4; ++step) {
      Vec expected = Vec::Zero(g.j.cols());
      for (size_t i = 0; i < n; ++i) {
        Vec own = g.j.row(static_cast<int>(i)).transpose();
        for (const size_t j : random_order({5, step}, "gradvac", n, i)) {
          const Vec other = g.j.row(static_cast<int>(j)).transpose();
          Real& target = t[i * n + j];
          const Real rho = own.dot(other) / (own.norm() * other.norm());
          if (rho < target) {
            const Real sine = std::sqrt(1 - target * target);
            own += other * own.norm() * (target * std::sqrt(1 - rho * rho) - rho * sine) /
                   (other.norm() * sine);
            CHECK(std::abs(own.dot(other) / (own.norm() * other.norm()) - target) < 1e-12L);
          }
          target = 0.7L * target + 0.3L * rho;
        }
        expected += own;
      }
      const Weights found = gradvac(g.gram(), targets, n, all, {5, step}, 0.3);
      CHECK(off(g.direction(found.w), expected) <= 1e-9L * expected.norm());
      for (size_t i = 0; i < n * n; ++i)
        CHECK(targets[i] == Catch::Approx(static_cast<double>(t[i])).margin(1e-9));
    }
  }
}

TEST_CASE("imtl_g projects equally on all units", "[models][balance]") {
  for (const Gradients& g : gradients()) {
    INFO(g.name);
    const Weights found = imtl_g(g.gram());
    if (g.independent) {
      CHECK(sum(found.w) == Catch::Approx(1).epsilon(1e-9));
      const Vec along = units(g.j) * g.direction(found.w);
      CHECK(along.maxCoeff() - along.minCoeff() <= 1e-9L * size_of(g, found.w));
    }
    if (g.name.find("badly") != std::string::npos) continue;
    // n' = G^+ n by another decomposition of G.
    const Mat gram = g.j * g.j.transpose();
    Eigen::CompleteOrthogonalDecomposition<Mat> decomposed;
    decomposed.setThreshold(1e-12L);
    decomposed.compute(gram);
    Vec w = decomposed.solve(Vec(g.j.rowwise().norm()));
    const Real total = w.sum();
    if (std::abs(total) < 1e-6L * w.cwiseAbs().sum()) continue;
    w /= total;
    for (int i = 0; i < g.tasks(); ++i)
      CHECK(std::abs(found.w[static_cast<size_t>(i)] - w(i)) <= 1e-9L * w.cwiseAbs().sum());
  }
}

TEST_CASE("nash_mtl solves G w = 1 / w, and no scale of a loss moves its direction",
          "[models][balance]") {
  for (const Gradients& g : gradients()) {
    INFO(g.name);
    const Weights found = nash_mtl(g.gram(), 0);
    if (!g.leans) {
      if (sum(found.w) == 0) CHECK_FALSE(found.notes.empty());
      continue;
    }
    // Opposed to 1e-3, d is known to 1e-6 times fewer digits than G.
    const bool nearly = g.name.find("nearly") != std::string::npos;
    const Vec d = g.direction(found.w), gains = g.j * d;
    for (int i = 0; i < g.tasks(); ++i) {
      const Real w = found.w[static_cast<size_t>(i)];
      REQUIRE(w > 0);
      CHECK(std::abs(gains(i) * w - 1) < 1e-9L);
    }
    CHECK(std::abs(d.squaredNorm() - g.tasks()) < 1e-9L * g.tasks());
    Gradients other = g;
    for (int i = 0; i < g.tasks(); ++i) other.j.row(i) *= Real(1 + 3 * i);
    CHECK(off(other.direction(nash_mtl(other.gram(), 0).w), d) < (nearly ? 1e-7L : 1e-9L));
    CHECK(std::abs(g.direction(nash_mtl(g.gram(), 1).w).norm() - 1) < 1e-12L);
  }
}

TEST_CASE("nash_mtl of two tasks is the bisector's closed form", "[models][balance]") {
  for (const Gradients& g : gradients({2})) {
    if (!g.leans) continue;
    const Mat u = units(g.j);
    const Real x = 1 / std::sqrt(1 + u.row(0).dot(u.row(1)));
    const Weights found = nash_mtl(g.gram(), 0);
    for (int i = 0; i < 2; ++i)
      CHECK(std::abs(Real(found.w[static_cast<size_t>(i)]) * g.j.row(i).norm() / x - 1) < 1e-9L);
  }
}

TEST_CASE("fairgrad solves G w = w^(-1/alpha)", "[models][balance]") {
  for (const Gradients& g : gradients())
    for (const double alpha : {0.5, 1.0, 2.0, 4.0}) {
      if (!g.leans) continue;
      INFO(g.name << ", alpha " << alpha);
      const Weights found = fairgrad(g.gram(), alpha);
      CHECK(found.notes.empty());
      const Vec gains = g.j * g.direction(found.w);
      for (int i = 0; i < g.tasks(); ++i) {
        const Real right = std::pow(Real(found.w[static_cast<size_t>(i)]), -1 / Real(alpha));
        // Gains may be small differences: the second term is their rounding.
        const Real rounding = 1e-14L * size_of(g, found.w) * g.j.row(i).norm();
        CHECK(std::abs(gains(i) - right) < 1e-9L * right + rounding);
      }
    }
}

TEST_CASE("aligned_mtl is the mean of orthogonal rows", "[models][balance]") {
  for (const Gradients& g : gradients()) {
    if (g.name.find("badly") != std::string::npos) continue;
    INFO(g.name);
    const Eigen::JacobiSVD<Mat> svd(g.j, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Vec s = svd.singularValues();
    int rank = 0;
    while (rank < s.size() && s(rank) * s(rank) > g.tasks() * 2.3e-16L * s(0) * s(0)) ++rank;
    const Vec p = Vec::Constant(g.tasks(), 1 / Real(g.tasks()));
    const Vec mean = svd.matrixV().leftCols(rank) * (svd.matrixU().leftCols(rank).transpose() * p);
    CHECK(off(g.direction(aligned_mtl(g.gram(), AlignedScale::min).w), s(rank - 1) * mean) <=
          1e-9L * g.size());
    CHECK(off(g.direction(aligned_mtl(g.gram(), AlignedScale::median).w), s(rank / 2) * mean) <=
          1e-9L * g.size());
    const Real rms = std::sqrt(s.head(rank).squaredNorm() / rank);
    CHECK(off(g.direction(aligned_mtl(g.gram(), AlignedScale::rmse).w), rms * mean) <=
          1e-9L * g.size());
  }
}

TEST_CASE("config is as long as its projections, at one angle to all", "[models][balance]") {
  for (const Gradients& g : gradients()) {
    INFO(g.name);
    const Mat u = units(g.j);
    Eigen::CompleteOrthogonalDecomposition<Mat> decomposed;
    decomposed.setThreshold(1e-9L);
    decomposed.compute(u);
    const Vec v = decomposed.solve(Vec::Ones(g.tasks()));
    const Weights found = balance::config(g.gram());
    const Vec d = g.direction(found.w);
    if (v.norm() < 1e-9L) {
      CHECK(d.norm() == 0);
      CHECK_FALSE(found.notes.empty());
      continue;
    }
    const Vec e = v / v.norm();
    CHECK(off(d, (g.j * e).sum() * e) <=
          1e-9L * g.size() * std::max(Real(1), size_of(g, found.w) / g.size()));
    if (g.independent) CHECK((u * e).maxCoeff() - (u * e).minCoeff() < 1e-12L);
  }
}

TEST_CASE("config's direction follows the units alone", "[models][balance]") {
  const Gradients g = gradients({5})[1];
  Gradients other = g;
  for (int i = 0; i < 5; ++i) other.j.row(i) *= Real(1 + 9 * i);
  const Vec a = g.direction(balance::config(g.gram()).w),
            b = other.direction(balance::config(other.gram()).w);
  CHECK(off(a / a.norm(), b / b.norm()) < 1e-12L);
}

TEST_CASE("Jacobi's eigenvalues are another solver's", "[models][balance]") {
  for (const Gradients& g : gradients()) {
    INFO(g.name);
    const Spectrum s = symmetric_eigen(g.gram());
    CHECK(s.converged);
    const Eigen::SelfAdjointEigenSolver<Mat> other(Mat(g.j * g.j.transpose()));
    const int n = g.tasks();
    for (int k = 0; k < n; ++k)
      CHECK(std::abs(s.values[static_cast<size_t>(k)] - other.eigenvalues()(n - 1 - k)) <=
            1e-13L * n * other.eigenvalues()(n - 1));
    for (size_t a = 0; a < s.values.size(); ++a)
      for (size_t b = 0; b <= a; ++b) {
        double product = 0;
        for (size_t i = 0; i < s.values.size(); ++i) product += s.vectors(i, a) * s.vectors(i, b);
        CHECK(product == Catch::Approx(a == b ? 1.0 : 0.0).margin(1e-13));
      }
  }
}
