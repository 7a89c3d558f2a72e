// The methods of losses: weights are the gradients of the values that they minimise, by central
// differences; what they learn, step by step; and that absent tasks' numbers stand still.
#include "models/balance/losses.h"

#include <cmath>
#include <functional>

#include "tests/support/catch.h"

using namespace weft;
using namespace weft::balance;

namespace {

using Value = std::function<double(const Vector&)>;

void check_gradient(const Vector& w, const Vector& at, const Value& f) {
  for (size_t i = 0; i < at.size(); ++i) {
    Vector up = at, down = at;
    const double h = 1e-5 * at[i];
    up[i] += h, down[i] -= h;
    CHECK(w[i] == Catch::Approx((f(up) - f(down)) / (2 * h)).epsilon(1e-7).margin(1e-9));
  }
}

const Vector losses{0.3, 2.0, 0.07, 11};
const Tasks all{0, 1, 2, 3};

/// Adam as PyTorch writes it, once more.
struct Reference {
  double m = 0, v = 0, x = 0;
  int t = 0;
  void move(double g, double rate) {
    ++t;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    x -= rate * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
  }
};

}  // namespace

TEST_CASE("gls weighs by the geometric mean's gradient", "[models][balance]") {
  check_gradient(gls(losses).w, losses, [](const Vector& l) {
    double product = 1;
    for (const double x : l) product *= x;
    return std::pow(product, 1.0 / static_cast<double>(l.size()));
  });
  const Weights zero = gls({1, 0, 2});
  CHECK(zero.w == mean_weights(3));
  REQUIRE(zero.notes.size() == 1);
  CHECK(zero.notes[0].tasks == std::vector<size_t>{1});
}

TEST_CASE("stch weighs by the smooth maximum's gradient", "[models][balance]") {
  const Vector preference{0.1, 0.4, 0.3, 0.2}, reference{0.1, 0.2, 0, 1};
  for (const double mu : {0.2, 1.0, 10.0})
    check_gradient(stch(losses, preference, reference, mu).w, losses, [&](const Vector& l) {
      double total = 0;
      for (size_t i = 0; i < l.size(); ++i)
        total += std::exp(preference[i] * (l[i] - reference[i]) / mu);
      return mu * std::log(total);
    });
  // A small mu is the maximum itself, without overflow.
  CHECK(stch({1, 1000}, {0.5, 0.5}, {0, 0}, 1e-6).w == Vector{0, 0.5});
}

TEST_CASE("stch of logarithms: their sum first, then the smooth maximum over the nadir",
          "[models][balance]") {
  LossMeans state(4);
  const Vector warm = stch_log(state, all, losses, 0, 1, 0.5).w;
  for (size_t i = 0; i < 4; ++i) CHECK(warm[i] == Catch::Approx(1 / losses[i]));
  const Vector nadir = losses, now{0.2, 2.5, 0.05, 3};
  check_gradient(stch_log(state, all, now, 1, 1, 0.5).w, now, [&](const Vector& l) {
    double total = 0;
    for (size_t i = 0; i < 4; ++i) total += std::exp(std::log(l[i] / nadir[i]) / 0.5);
    return 4 * 0.5 * std::log(total);
  });
}

TEST_CASE("uw and imtl_l: weights and closed gradients of their sums", "[models][balance]") {
  for (const int kind : {0, 1, 2}) {  // regression, classification, imtl_l
    const auto value = [&](double s, double l) {
      if (kind == 0) return std::exp(-s) * l / 2 + s / 2;
      return kind == 1 ? std::exp(-s) * l + s / 2 : std::exp(s) * l - s;
    };
    LogScales state(4);
    std::vector<Reference> expected(4);
    for (int step = 0; step < 5; ++step) {
      const Weights found = kind == 2 ? imtl_l(state, all) : uw(state, all, kind == 1);
      if (kind == 2)
        imtl_l_after(state, all, losses, 0.1);
      else
        uw_after(state, all, losses, 0.1, kind == 1);
      for (size_t i = 0; i < 4; ++i) {
        const double s = expected[i].x, h = 1e-6;
        CHECK(found.w[i] ==
              Catch::Approx((value(s, losses[i] + h) - value(s, losses[i] - h)) / (2 * h))
                  .epsilon(1e-8));
        expected[i].move((value(s + h, losses[i]) - value(s - h, losses[i])) / (2 * h), 0.1);
        CHECK(state.s[i] == Catch::Approx(expected[i].x).margin(1e-6));
      }
    }
  }
}

TEST_CASE("uw rests at half the inverse losses, imtl_l at the inverse", "[models][balance]") {
  LogScales a(4), b(4);
  Vector u, v;
  for (int step = 0; step < 6000; ++step) {
    u = uw(a, all).w;
    v = imtl_l(b, all).w;
    uw_after(a, all, losses, 0.01);
    imtl_l_after(b, all, losses, 0.01);
  }
  for (size_t i = 0; i < 4; ++i) {
    CHECK(u[i] * 2 * losses[i] == Catch::Approx(1).epsilon(1e-3));
    CHECK(v[i] * losses[i] == Catch::Approx(1).epsilon(1e-3));
  }
}

TEST_CASE("dwa: equal for two epochs, then by the ratio of means", "[models][balance]") {
  LossMeans state(2);
  const auto step = [&](int64_t epoch, double a, double b) {
    const Vector w = dwa(state, {0, 1}, epoch, 2).w;
    dwa_after(state, {0, 1}, {a, b});
    return w;
  };
  CHECK(step(0, 1, 4) == Vector{1, 1});
  CHECK(step(0, 3, 4) == Vector{1, 1});
  CHECK(step(1, 1, 3) == Vector{1, 1});  // means 2 and 4
  const Vector w = step(2, 9, 9);        // ratios 1/2 and 3/4
  const double a = std::exp(0.25), b = std::exp(0.375);
  CHECK(w[0] == Catch::Approx(2 * a / (a + b)).epsilon(1e-14));
  CHECK(w[1] == Catch::Approx(2 * b / (a + b)).epsilon(1e-14));
  // An epoch without labels of task 0 leaves its means.
  CHECK(dwa(state, {1}, 3, 2).w[0] > 0);
  dwa_after(state, {1}, {9});
  const Vector before = state.last;
  dwa(state, {1}, 4, 2);
  CHECK(state.last[0] == before[0]);
}

TEST_CASE("rlw: random, of sum 1, a function of seed, step and task", "[models][balance]") {
  const Vector w = rlw({1, 2}, all).w;
  CHECK(sum(w) == Catch::Approx(1).epsilon(1e-14));
  CHECK(rlw({1, 2}, all).w == w);
  CHECK(rlw({1, 3}, all).w != w);
  // The tasks that are there keep their ratio.
  const Vector some = rlw({1, 2}, {0, 3}).w;
  CHECK(some[0] / some[1] == Catch::Approx(w[0] / w[3]));
  Vector mean(4, 0.0);
  for (uint32_t s = 0; s < 4000; ++s)
    for (size_t i = 0; i < 4; ++i) mean[i] += rlw({7, s}, all).w[i] / 4000;
  for (const double x : mean) CHECK(x == Catch::Approx(0.25).margin(0.01));
}

TEST_CASE("famo: weights are the gradient of its sum of logarithms, logits follow log losses",
          "[models][balance]") {
  FamoState state(4);
  const Vector least{0.1, 0, 0.01, 1};
  std::vector<Reference> xi(4);
  for (int step = 0; step < 5; ++step) {
    double total = 0, c = 0;
    Vector z(4);
    for (size_t i = 0; i < 4; ++i) total += z[i] = std::exp(xi[i].x);
    for (size_t i = 0; i < 4; ++i) c += (z[i] /= total) / (losses[i] - least[i]);
    check_gradient(famo(state, all, losses, least).w, losses, [&](const Vector& l) {
      double sum_of_logs = 0;
      for (size_t i = 0; i < 4; ++i) sum_of_logs += z[i] * std::log(l[i] - least[i]);
      return sum_of_logs / c;
    });
    const Vector after{0.28, 2.1, 0.05, 9};
    famo_after(state, all, losses, after, 0.025, 1e-3, least);
    Vector gradient(4, 0.0);  // J' delta, J_ji = z_j ([i = j] - z_i)
    for (size_t j = 0; j < 4; ++j) {
      const double delta = std::log((losses[j] - least[j]) / (after[j] - least[j]));
      for (size_t i = 0; i < 4; ++i) gradient[i] += z[j] * ((i == j) - z[i]) * delta;
    }
    for (size_t i = 0; i < 4; ++i) {
      xi[i].move(gradient[i] + 1e-3 * xi[i].x, 0.025);
      CHECK(state.xi[i] == Catch::Approx(xi[i].x).epsilon(1e-12));
    }
  }
}

TEST_CASE("what losses' methods learn of absent tasks stands still", "[models][balance]") {
  LogScales u(4), i(4);
  FamoState f(4);
  uw_after(u, all, losses, 0.1), imtl_l_after(i, all, losses, 0.1);
  famo_after(f, all, losses, {0.2, 1, 0.06, 10}, 0.1, 0);
  const Vector s = u.s, t = i.s, xi = f.xi, moment = f.adam.first;
  const Tasks some{1, 3};
  CHECK(uw(u, some).w.size() == 2);
  uw_after(u, some, {1, 2}, 0.1), imtl_l_after(i, some, {1, 2}, 0.1);
  const Vector z = famo(f, some, {1, 2}).w;
  CHECK(z[0] + z[1] / 1 == Catch::Approx(sum(z)));
  famo_after(f, some, {1, 2}, {0.5, 1.9}, 0.1, 0);
  for (const size_t k : {0, 2}) {
    CHECK(u.s[k] == s[k]);
    CHECK(i.s[k] == t[k]);
    CHECK(f.xi[k] == xi[k]);
    CHECK(f.adam.first[k] == moment[k]);
  }
  for (const size_t k : some) CHECK(u.s[k] != s[k]);
}
