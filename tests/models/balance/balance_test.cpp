// What every method promises by the one interface: words, sizes, state, absent tasks, odd inputs.
#include "models/balance/balance.h"

#include <cmath>
#include <limits>

#include "engine/error.h"
#include "models/balance/gram.h"
#include "tests/models/balance/jacobians.h"
#include "tests/support/balance_names.h"
#include "tests/support/catch.h"

using namespace weft;
using namespace weft::balance;
using weft::test::Gradients;
using weft::test::normal;

namespace {

BalanceOptions options_for(size_t tasks) {
  BalanceOptions o;
  for (size_t i = 0; i < tasks; ++i) {
    o.tasks.push_back("task" + std::to_string(i));
    o.weights.push_back(1.0 + static_cast<double>(i));
  }
  o.warmup_epochs = 1;
  return o;
}

/// Step s of a made-up run of K = 4 in which tasks are missing now and then.
BalanceStep step_of(uint32_t s, bool missing = true) {
  BalanceStep step;
  step.noise = {9, s};
  step.epoch = s / 3;
  for (size_t k = 0; k < 4; ++k)
    if (!missing || (s + k) % 4 != 0) step.tasks.push_back(k);
  test::Mat j = normal(s, static_cast<int>(step.tasks.size()), 9);
  j.col(0).setConstant(0.4L);
  step.grams = {Gradients{"", j, true, true}.gram()};
  for (const size_t k : step.tasks)
    step.losses.push_back(0.2 + 0.1 * static_cast<double>((s * 5 + k * 3) % 7));
  step.sums = step.losses;
  return step;
}

Vector after(BalanceStep step) {
  for (double& x : step.losses) x *= 0.97;
  return step.losses;
}

/// As a trainer does: where a method foresees its weights, they come before the losses.
BalanceResult take(Balance& method, const BalanceStep& step, const Vector& losses_after) {
  BalanceStep asked = step;
  if (method.foresees()) asked.losses.clear();
  BalanceResult out = method.weights(asked);
  if (method.foresees())
    for (const std::string& note : method.learn(step)) out.notes.push_back(note);
  if (method.looks_back()) method.losses_after(step, losses_after);
  return out;
}

std::vector<Vector> take(Balance& method, uint32_t s) {
  const BalanceStep step = step_of(s);
  return take(method, step, after(step)).weights;
}

}  // namespace

TEST_CASE("norms and forms of what is no number are none, and rounding takes no square below 0",
          "[models][balance][nan]") {
  const double nan = std::nan("");
  const Vector n = norms(Matrix(2, {4, nan, nan, nan}));
  CHECK(n[0] == 2);
  CHECK(std::isnan(n[1]));
  CHECK(std::isnan(quadratic(Matrix(2, {4, nan, nan, 1}), {1, 1})));
  CHECK(norms(Matrix(1, {-1e-20}))[0] == 0);
  CHECK(quadratic(Matrix(1, {-1e-20}), {1}) == 0);
}

TEST_CASE("an unknown balance names those that there are", "[models][balance]") {
  CHECK(balance_names().size() == 28);
  CHECK_THROWS_WITH(method_called("upgrade"),
                    contains_text("balance: there is no 'upgrade'; choose equal, fixed, uw") &&
                        contains_text("db_mtl or excess_mtl"));
  CHECK_THROWS_AS(make_balance(BalanceMethod::upgrad, {}), ConfigError);
  for (const std::string& name : balance_names()) {
    const auto method = make_balance(method_called(name), options_for(3));
    CHECK(method->name() == name);
    CHECK(method->describe().size() > 10);
    CHECK(method->tasks().size() == 3);
  }
}

TEST_CASE("options that do not fit are refused by name and rule", "[models][balance]") {
  BalanceOptions o = options_for(2);
  o.temperature = 0;
  CHECK_THROWS_WITH(make_balance(BalanceMethod::dwa, o),
                    "balance = dwa: temperature is 0; it has to be above 0");
  CHECK_THROWS_WITH(from_word<AlignedScale>("scale", "max"),
                    "scale: there is no 'max'; choose min, median or rmse");
  o.weights = {1};
  CHECK_THROWS_WITH(make_balance(BalanceMethod::fixed, o),
                    "balance = fixed: 1 weights for 2 tasks; give one for each");
}

TEST_CASE("a method that was saved goes on with the same bits", "[models][balance]") {
  for (const std::string& name : balance_names()) {
    INFO(name);
    const auto whole = make_balance(method_called(name), options_for(4));
    for (uint32_t s = 0; s < 8; ++s) take(*whole, s);
    const auto resumed = make_balance(method_called(name), options_for(4));
    resumed->load_state(whole->state(), "here");
    CHECK(resumed->state() == whole->state());
    for (uint32_t s = 8; s < 16; ++s) CHECK(take(*resumed, s) == take(*whole, s));
    CHECK(resumed->state() == whole->state());
  }
}

TEST_CASE("a state of another method, size or run is refused", "[models][balance]") {
  const auto famo = make_balance(BalanceMethod::famo, options_for(4)),
             dwa = make_balance(BalanceMethod::dwa, options_for(4));
  CHECK_THROWS_WITH(famo->load_state(dwa->state(), "last.safetensors"),
                    "last.safetensors: the state of balance = 'famo' has 4 parts, not 6");
  CHECK_THROWS_WITH(famo->load_state(make_balance(BalanceMethod::uw, options_for(4))->state(), "x"),
                    "x: the state of balance = 'famo' has 'xi' where 's' is");
  CHECK_THROWS_WITH(
      famo->load_state(make_balance(BalanceMethod::famo, options_for(3))->state(), "x"),
      "x: the state of balance = 'famo' has 4 numbers in 'xi', not 3");
  Balance::State state = famo->state();
  state[0].second[2] = NAN;
  CHECK_THROWS_AS(famo->load_state(state, "x"), DataError);
}

TEST_CASE("every method weighs the tasks that are there, however few", "[models][balance]") {
  for (const std::string& name : balance_names()) {
    INFO(name);
    const auto method = make_balance(method_called(name), options_for(4));
    for (uint32_t s = 0; s < 12; ++s) {
      const std::vector<Vector> w = take(*method, s);
      REQUIRE(w.size() == 1);
      CHECK(w[0].size() == step_of(s).tasks.size());
      for (const double x : w[0]) CHECK(std::isfinite(x));
    }
    BalanceStep one;
    one.tasks = {2}, one.losses = {0.7}, one.grams = {Matrix(1, {4.0})}, one.sums = {1};
    const BalanceResult found = method->weights(one);
    CHECK(found.weights[0].size() == 1);
    CHECK(found.weights[0][0] > 0);
    CHECK(method->weights({}).weights == std::vector<Vector>{{}});
  }
}

TEST_CASE("odd inputs give notes that name the tasks, never NaN", "[models][balance]") {
  // Gradients: none at all, one that is 0, two that cancel; losses of 0.
  const std::vector<Matrix> grams{Matrix(2), Matrix(2, {0, 0, 0, 4}), Matrix(2, {1, -2, -2, 4}),
                                  Matrix(2, {1e-300, 0, 0, 1e300}), Matrix(2, {1, 1, 1, 1})};
  for (const std::string& name : balance_names())
    for (const Matrix& gram : grams)
      for (const Vector& losses : {Vector{1, 2}, Vector{0, 0}, Vector{1e-300, 1e300}}) {
        INFO(name << ", Gram " << gram(0, 0) << " " << gram(0, 1) << " " << gram(1, 1));
        const auto method = make_balance(method_called(name), options_for(2));
        BalanceStep step{{1, 2}, 0, {0, 1}, losses, {gram}, {0, 1e300}};
        for (uint32_t s = 0; s < 4; ++s) {
          step.epoch = s;
          const BalanceResult found = take(*method, step, losses);
          for (const double w : found.weights[0]) REQUIRE(std::isfinite(w));
        }
        for (const auto& [field, values] : method->state())
          for (const double x : values) REQUIRE(std::isfinite(x));
      }
  const auto notes = [](const char* name, const Matrix& gram) {
    const auto method = make_balance(method_called(name), options_for(2));
    return method->weights({{}, 0, {0, 1}, {1, 1}, {gram}, {}}).notes;
  };
  const auto first = [&](const char* name, const Matrix& gram) { return notes(name, gram).at(0); };
  CHECK(first("upgrad", grams[1]) == "upgrad: task0: the gradient is 0: left out");
  CHECK(first("nash_mtl", grams[2]) ==
        "nash_mtl: the gradients cancel, so there is no bargain: weights are 0");
  CHECK(first("upgrad", grams[2]) == "upgrad: the weighted gradients cancel: nothing moves");
  CHECK_THAT(first("mgda", grams[0]), contains_text("mgda: task0, task1: the gradient is 0"));
  CHECK(first("nash_mtl", Matrix(2, {1, 0, 0, 1e8})) ==
        "nash_mtl: task1: the weight is under 0.001 of the mean");
  CHECK(notes("upgrad", Matrix(2, {1, -0.5, -0.5, 1})).empty());
}

TEST_CASE("what a method foresees it learned from the losses before", "[models][balance]") {
  std::vector<std::string> foresee;
  for (const std::string& name : balance_names()) {
    INFO(name);
    const auto method = make_balance(method_called(name), options_for(4));
    BalanceStep step = step_of(1, false);
    const BalanceStep told = step;
    step.losses.clear();
    if (!method->foresees()) {
      CHECK_THROWS_AS(method->weights(step), Error);
      continue;
    }
    foresee.push_back(name);
    const Vector first = method->weights(step).weights[0];
    CHECK(method->weights(told).weights[0] == first);  // whatever this step's losses are
    CHECK_THROWS_AS(method->learn(step), Error);
    step.losses = {1, 1, NAN, 1};
    CHECK_THROWS_WITH(method->learn(step), "balance: the loss of 'task2' is not finite");
    CHECK(method->learn(told).empty());
    BalanceStep odd = told;
    odd.losses[2] = 0;
    const std::string note = name + ": task2: a loss of 0 or less lets its weight grow without end";
    if (name == "uw" || name == "imtl_l")
      CHECK(method->learn(odd) == std::vector<std::string>{note});
  }
  CHECK(foresee == std::vector<std::string>{"equal", "fixed", "uw", "dwa", "rlw", "imtl_l"});
}

TEST_CASE("what is not finite is an error that names the task", "[models][balance]") {
  const auto method = make_balance(BalanceMethod::upgrad, options_for(2));
  BalanceStep step{{}, 0, {0, 1}, {1, NAN}, {Matrix(2)}, {}};
  CHECK_THROWS_WITH(method->weights(step), "balance: the loss of 'task1' is not finite");
  step.losses = {1, 1};
  step.grams[0](0, 1) = INFINITY;
  CHECK_THROWS_WITH(method->weights(step),
                    "balance: the product of the gradients of 'task0' and 'task1' is not finite");
  step.grams = {};
  CHECK_THROWS_AS(method->weights(step), Error);
  step.tasks = {1, 0};
  CHECK_THROWS_AS(method->weights(step), Error);
}

TEST_CASE("a Gram is square", "[models][balance]") {
  CHECK(upgrad(Vector{1, 0, 0, 4}).w == upgrad(Matrix(2, {1, 0, 0, 4})).w);
  CHECK_THROWS_WITH(upgrad(Vector{1, 0, 0}), "balance: 3 numbers are no square matrix");
}

TEST_CASE("gradvac keeps targets for every group", "[models][balance]") {
  BalanceOptions o = options_for(2);
  o.groups = GramGroups::layer;
  const auto method = make_balance(BalanceMethod::gradvac, o);
  CHECK(method->groups() == Balance::Groups::layer);
  const Matrix a(2, {1, 0.5, 0.5, 1}), b(2, {1, -0.5, -0.5, 1});
  BalanceStep step{{1, 1}, 0, {0, 1}, {1, 1}, {a, b}, {}};
  CHECK(method->weights(step).weights.size() == 2);
  CHECK(method->state()[0].second == Vector{0, 0.25, 0.25, 0, 0, -0.25, -0.25, 0});
  step.grams = {a};
  CHECK_THROWS_WITH(method->weights(step),
                    contains_text("gradvac has targets for 2 groups, not 1"));
}

TEST_CASE("gradnorm moves weights down the gradient of its distance", "[models][balance]") {
  GradNormState state(3);
  state.w = {0.5, 1.5, 1};
  const Vector losses{2, 1, 4}, norms{3, 0.5, 1};
  gradnorm(state, {0, 1, 2}, norms, losses, 1.5, 1e-9);  // the first losses
  state.w = {0.5, 1.5, 1};
  const Vector now{1, 0.9, 3};
  const double mean = (3 + 0.5 + 1) / 3.0, pace = (0.5 + 0.9 + 0.75) / 3;
  const Vector paces{0.5, 0.9, 0.75};
  const auto value = [&](const Vector& w) {
    double weighted = 0, total = 0;
    for (size_t i = 0; i < 3; ++i) weighted += state.w[i] * norms[i] / mean / 3;
    for (size_t i = 0; i < 3; ++i)
      total += std::abs(w[i] * norms[i] / mean - weighted * std::pow(paces[i] / pace, 1.5));
    return total;
  };
  Vector moved = state.w;
  for (size_t i = 0; i < 3; ++i) {
    Vector up = state.w, down = state.w;
    up[i] += 1e-6, down[i] -= 1e-6;
    moved[i] -= 0.01 * (value(up) - value(down)) / 2e-6;
  }
  const double back = 3 / sum(moved);
  CHECK(gradnorm(state, {0, 1, 2}, norms, now, 1.5, 0.01).w == Vector{0.5, 1.5, 1});
  for (size_t i = 0; i < 3; ++i) CHECK(state.w[i] == Catch::Approx(moved[i] * back).epsilon(1e-8));
  // The tasks present keep their sum.
  const double alone = state.w[1], others = state.w[0] + state.w[2];
  gradnorm(state, {0, 2}, {1, 2}, {1, 1}, 1.5, 0.01);
  CHECK(state.w[1] == alone);
  CHECK(state.w[0] + state.w[2] == Catch::Approx(others).epsilon(1e-14));
}

TEST_CASE("modo and sdmgrad follow their plain loops on two batches", "[models][balance]") {
  const Matrix cross(3, {2, -1, 0.3, -0.7, 1, 0.2, 0.1, 0.4, 3});
  // The simplex's nearest point by bisection of the shift.
  const auto simplex = [](Vector x) {
    double lo = -100, hi = 100;
    for (int i = 0; i < 200; ++i) {
      const double t = (lo + hi) / 2;
      double total = 0;
      for (const double y : x) total += std::max(y - t, 0.0);
      (total > 1 ? lo : hi) = t;
    }
    for (double& y : x) y = std::max(y - hi, 0.0);
    return x;
  };
  Vector w = mean_weights(3), own = w, s = w, t = w;
  const double norm = (std::sqrt(2.0) + 1 + std::sqrt(3.0)) / 3;
  for (int step = 0; step < 5; ++step) {
    Vector next = own;
    for (size_t i = 0; i < 3; ++i) {
      double slope = 0.1 * own[i];
      for (size_t k = 0; k < 3; ++k) slope += cross(i, k) * own[k];
      next[i] -= 0.2 * slope;
    }
    own = simplex(next);
    const Vector found = modo(cross, w, {0, 1, 2}, 0.2, 0.1).w;
    for (size_t i = 0; i < 3; ++i) CHECK(found[i] == Catch::Approx(own[i]).margin(1e-12));

    Vector velocity(3, 0.0);
    for (int round = 0; round < 7; ++round) {
      next = t;
      for (size_t i = 0; i < 3; ++i) {
        double slope = 0;
        for (size_t k = 0; k < 3; ++k) slope += cross(i, k) * (t[k] + 0.3 / 3);
        velocity[i] = 0.5 * velocity[i] + slope / (norm * norm + 1e-8);
        next[i] -= 0.05 * velocity[i];
      }
      t = simplex(next);
    }
    const Vector sdm = sdmgrad(cross, s, {0, 1, 2}, {0.3, 0.05, 0.5, 7}).w;
    for (size_t i = 0; i < 3; ++i) CHECK(sdm[i] == Catch::Approx((t[i] + 0.1) / 1.3).margin(1e-12));
  }
  const double alone = w[1], others = w[0] + w[2];
  modo(Matrix(2, {1, 0, 0, 2}), w, {0, 2}, 0.1, 0);
  CHECK(w[1] == alone);
  CHECK(w[0] + w[2] == Catch::Approx(others).epsilon(1e-14));
}
