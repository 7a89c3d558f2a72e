// The methods of elements and averages against plain loops in f64, for float and double rows.
#include "models/balance/rows.h"

#include <cmath>

#include "models/balance/active_set.h"
#include "models/balance/balance.h"
#include "tests/models/balance/jacobians.h"
#include "tests/support/balance_names.h"
#include "tests/support/catch.h"

using namespace weft;
using namespace weft::balance;
using namespace weft::test;

namespace {

constexpr int tasks = 3, length = 5000;

template <class T>
struct Data {
  std::vector<std::vector<T>> g, kept;
  explicit Data(uint64_t seed) : kept(tasks, std::vector<T>(length, T{0})) {
    const Mat j = normal(seed, tasks, length);
    for (int i = 0; i < tasks; ++i) {
      g.emplace_back();
      for (int p = 0; p < length; ++p)
        g.back().push_back(p % 7 == 0 ? T{0} : static_cast<T>(j(i, p)));
    }
  }
  BalanceRows<T> rows(const std::vector<size_t>& which) {
    BalanceRows<T> out{"layer1.0.conv1.weight", 0, {}, {}};
    for (const size_t i : which) {
      out.g.push_back(g[i]);
      out.kept.push_back(kept[i]);
    }
    return out;
  }
};

const BalanceOptions options = [] {
  BalanceOptions o;
  o.tasks = {"seg", "depth", "normals"};
  return o;
}();

double at(const std::vector<double>& v, size_t i) { return v[i]; }

Matrix gram_of(const std::vector<std::vector<double>>& rows) {
  Matrix out(rows.size());
  for (size_t a = 0; a < rows.size(); ++a)
    for (size_t b = 0; b < rows.size(); ++b) out(a, b) = dot(rows[a], rows[b]);
  return out;
}

}  // namespace

TEMPLATE_TEST_CASE("graddrop keeps one sign an element, drawn by its purity", "[models][balance]",
                   float, double) {
  Data<TestType> data(1);
  BalanceOptions o = options;
  for (const double leak : {0.0, 0.25}) {
    o.leak = leak;
    const auto method = make_balance(BalanceMethod::graddrop, o);
    BalanceStep step{{11, 5}, 0, {0, 1, 2}, {1, 1, 1}, {}, {}};
    std::vector<TestType> out(length), part(length - 4096);
    method->combine(step, data.rows({0, 1, 2}), std::span<TestType>(out));
    const Philox noise(11, Stream::balance, 5, "layer1.0.conv1.weight");
    for (size_t p = 0; p < length; ++p) {
      double plus = 0, minus = 0;
      for (const auto& row : data.g) (row[p] > 0 ? plus : minus) += static_cast<double>(row[p]);
      const bool up = plus - minus > 0 && plus / (plus - minus) > noise.uniform(p);
      const double expected = up ? plus + leak * minus : minus + leak * plus;
      REQUIRE(static_cast<double>(out[p]) == Catch::Approx(expected).margin(1e-6));
    }
    // A span of it draws what the whole does.
    BalanceRows<TestType> rest{"layer1.0.conv1.weight", 4096, {}, {}};
    for (auto& row : data.g) rest.g.push_back(std::span<TestType>(row).subspan(4096));
    method->combine(step, rest, std::span<TestType>(part));
    CHECK(std::equal(part.begin(), part.end(), out.begin() + 4096));
  }
}

TEMPLATE_TEST_CASE("sign_agreement keeps elements of one sign", "[models][balance]", float,
                   double) {
  Data<TestType> data(2);
  std::vector<TestType> out(length);
  for (const double threshold : {0.0, 0.3, 0.5, 1.0}) {
    sign_agreement(Rows<const TestType>(data.g.begin(), data.g.end()), threshold,
                   std::span<TestType>(out));
    for (size_t p = 0; p < length; ++p) {
      double total = 0, signs = 0;
      for (const auto& row : data.g) {
        total += static_cast<double>(row[p]);
        signs += row[p] == 0 ? 0 : row[p] > 0 ? 1 : -1;
      }
      const double expected = std::abs(signs) / tasks >= threshold ? total : 0;
      REQUIRE(static_cast<double>(out[p]) == Catch::Approx(expected).margin(1e-6));
    }
  }
}

TEST_CASE("moco: averages, and projected steps of the weights", "[models][balance]") {
  BalanceOptions o = options;
  o.keep = 0.6, o.fade = 0.5, o.rate = 0.02;
  const auto method = make_balance(BalanceMethod::moco, o);
  std::vector<std::vector<double>> y(tasks, std::vector<double>(length, 0.0));
  Vector w = mean_weights(tasks);
  for (uint32_t t = 1; t <= 4; ++t) {
    Data<double> data(t);
    data.kept = y;
    const auto original = data.g;
    BalanceStep step{{1, t}, 0, {0, 1, 2}, {1, 2, 3}, {}, {}};
    method->absorb(step, data.rows(step.tasks));
    for (size_t i = 0; i < tasks; ++i)
      for (size_t p = 0; p < length; ++p)
        y[i][p] -= 0.4 / std::sqrt(t) * (y[i][p] - original[i][p]);
    for (size_t i = 0; i < tasks; ++i)
      for (size_t p = 0; p < length; p += 17) {
        REQUIRE(data.kept[i][p] == Catch::Approx(y[i][p]).margin(1e-12));
        REQUIRE(data.g[i][p] == data.kept[i][p]);
      }
    step.grams = {gram_of(data.g)};
    const Vector found = method->weights(step).weights[0];
    Vector moved = w;
    for (size_t i = 0; i < tasks; ++i)
      for (size_t k = 0; k < tasks; ++k) moved[i] -= 0.02 / std::sqrt(t) * dot(y[i], y[k]) * w[k];
    w = project_on_simplex(moved);
    for (size_t i = 0; i < tasks; ++i) CHECK(found[i] == Catch::Approx(w[i]).margin(1e-12));
  }
}

TEST_CASE("db_mtl: averages of log losses' gradients, all of one norm", "[models][balance]") {
  BalanceOptions o = options;
  o.keep = 0.9, o.fade = 0.5;
  const auto method = make_balance(BalanceMethod::db_mtl, o);
  std::vector<std::vector<double>> y(tasks, std::vector<double>(length, 0.0));
  const Vector losses{0.5, 20, 3};
  for (uint32_t t = 1; t <= 3; ++t) {
    Data<double> data(t);
    data.kept = y;
    const auto original = data.g;
    BalanceStep step{{1, t}, 0, {0, 1, 2}, losses, {}, {}};
    method->absorb(step, data.rows(step.tasks));
    const double keep = 0.9 / std::sqrt(t);
    for (size_t i = 0; i < tasks; ++i)
      for (size_t p = 0; p < length; ++p) {
        y[i][p] = keep * y[i][p] + (1 - keep) * original[i][p] / (losses[i] + 1e-8);
        REQUIRE(data.g[i][p] == Catch::Approx(y[i][p]).margin(1e-12));
      }
    step.grams = {gram_of(data.g)};
    const Vector found = method->weights(step).weights[0];
    double largest = 0;
    for (const auto& row : y) largest = std::max(largest, std::sqrt(dot(row, row)));
    for (size_t i = 0; i < tasks; ++i)
      CHECK(found[i] * std::sqrt(dot(y[i], y[i])) == Catch::Approx(largest).epsilon(1e-12));
  }
}

TEST_CASE("averages of absent tasks stand still, and so do their counts", "[models][balance]") {
  for (const char* name : {"moco", "db_mtl"}) {
    const auto method = make_balance(method_called(name), options);
    Data<double> data(3);
    BalanceStep step{{1, 0}, 0, {0, 2}, {1, 1}, {}, {}};
    method->absorb(step, data.rows(step.tasks));
    CHECK(data.kept[1] == std::vector<double>(length, 0.0));
    step.grams = {gram_of({data.g[0], data.g[2]})};
    CHECK(method->weights(step).weights[0].size() == 2);
    CHECK(method->state()[0].second == Vector{1, 0, 1});
  }
}

TEMPLATE_TEST_CASE("excess_mtl: risks by AdaGrad's curvature, weights by exponentiated gradient",
                   "[models][balance]", float, double) {
  BalanceOptions o = options;
  o.rate = 0.7;
  const auto method = make_balance(BalanceMethod::excess_mtl, o);
  std::vector<std::vector<double>> squares(tasks, std::vector<double>(length, 0.0));
  std::vector<std::vector<TestType>> kept(tasks, std::vector<TestType>(length, TestType{0}));
  Vector first, w = mean_weights(tasks);
  for (uint32_t t = 0; t < 3; ++t) {
    Data<TestType> data(t);
    data.kept = kept;
    for (auto& x : data.g[1]) x *= static_cast<TestType>(1 + t);
    BalanceStep step{{1, t}, 0, {0, 1, 2}, {1, 1, 1}, {}, {}};
    step.sums = method->absorb(step, data.rows(step.tasks));
    kept = data.kept;
    Vector risks(tasks, 0.0);
    for (size_t i = 0; i < tasks; ++i)
      for (size_t p = 0; p < length; ++p) {
        const double x = static_cast<double>(data.g[i][p]);
        squares[i][p] += x * x;
        risks[i] += x * x / std::sqrt(squares[i][p] + 1e-7);
      }
    if (t == 0) first = risks;
    double total = 0;
    for (size_t i = 0; i < tasks; ++i) total += w[i] *= std::exp(0.7 * risks[i] / first[i]);
    const Vector found = method->weights(step).weights[0];
    for (size_t i = 0; i < tasks; ++i) {
      CHECK(step.sums[i] == Catch::Approx(risks[i]).epsilon(sizeof(TestType) == 4 ? 1e-5 : 1e-12));
      w[i] /= total;
      CHECK(found[i] == Catch::Approx(3 * w[i]).epsilon(sizeof(TestType) == 4 ? 1e-5 : 1e-11));
    }
  }
  CHECK(at(w, 1) > at(w, 0));
}
