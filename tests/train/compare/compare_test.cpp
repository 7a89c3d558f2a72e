// What weft compare judges by: errors, bounds, and that one bad tensor or step fails the whole.
#include "train/compare/compare.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

using namespace weft;

TEST_CASE("compare: the relative error is of norms, the largest of elements", "[train]") {
  const OpError e = error_between({3, 4.5}, {3, 4});
  CHECK(e.relative == Catch::Approx(0.1));
  CHECK(e.largest == 0.5);
  CHECK(error_between({0, 1e-3}, {0, 0}).relative == Catch::Approx(1e-3));  // absolute: no norm
}

TEST_CASE("compare: a NaN is worse than any bound", "[train]") {
  OpError e = error_between({std::nan(""), 1}, {2, 1});
  e.bound = std::numeric_limits<double>::max();
  CHECK_FALSE(e.passed());
}

TEST_CASE("compare: bounds grow with the sum's length, and by what is rounded first", "[train]") {
  OpProbe product, loss;
  product.macs = 1;
  loss.full = true;
  const auto bound = [](const OpProbe& probe, Precision precision, double terms) {
    return op_bound(probe, {"way", DeviceKind::cuda, precision, nullptr}, terms);
  };
  CHECK(bound(product, Precision::f32, 4608) > bound(product, Precision::f32, 9));
  CHECK(bound(product, Precision::f32, 4608) < 2e-5);
  CHECK(bound(product, Precision::tf32, 9) > std::ldexp(1.0, -9));
  CHECK(bound(loss, Precision::tf32, 9) == bound(loss, Precision::f32, 9));
  CHECK(bound(loss, Precision::bf16, 9) == bound(loss, Precision::f32, 9));
  CHECK(bound(product, Precision::bf16, 9) > bound(product, Precision::tf32, 9));
  const Way tiles{"way", DeviceKind::cpu, Precision::bf16, nullptr};  // of inputs that fit bf16
  CHECK(op_bound(product, tiles, 9) == bound(product, Precision::f32, 9));
}

TEST_CASE("compare: of many batches the best is judged, unless one is not finite", "[train]") {
  const LeastAndMiddle flips =
      least_and_middle({1e-3, 4e-6, 2e-3, 3e-6, 6e-4});  // ReLUs flip in three of five
  CHECK(flips.least == 3);
  CHECK(flips.middle == 4);
  for (double bad : {std::nan(""), HUGE_VAL}) {
    const LeastAndMiddle seen = least_and_middle({1e-3, 4e-6, bad});
    CHECK(seen.least == 2);
    CHECK(seen.middle == 2);
  }
}

TEST_CASE("compare: one error past its bound fails the comparison, and the table says which",
          "[train]") {
  const auto cpu = std::make_shared<Device>(DeviceKind::cpu, 1);
  Comparison c;
  c.ways = {{"cpu f64", DeviceKind::cpu, Precision::f64, cpu},
            {"cpu f32", DeviceKind::cpu, Precision::f32, cpu}};
  c.times = {{"relu", "cpu f32", 1, 1, 0, 10, 0.5}};
  c.errors = {{"relu", "y", "cpu f32", 0, 1e-8, 1e-6}, {"relu", "d0", "cpu f32", 0, 1e-8, 1e-6}};
  c.steps.emplace_back();
  c.steps[0].phase = "warmup";
  c.steps[0].way = "cpu f32";
  c.steps[0].gradients = 1e-6;
  CHECK(c.passed());
  CHECK(comparison_table(c).find("FAILED") == std::string::npos);
  c.errors[1].relative = 1e-3;
  CHECK_FALSE(c.passed());
  CHECK(comparison_table(c).find("FAILED") != std::string::npos);
  CHECK_FALSE(nlohmann::json::parse(comparison_json(c)).at("passed").get<bool>());
  c.errors[1].relative = 0;
  CHECK(c.passed());
  c.steps[0].bound = 1e-7;  // and its gradients are off by 1e-6
  CHECK_FALSE(c.passed());
  c.steps[0].bound = 1e-5;
  CHECK(c.passed());
  c.steps[0].loss_bound = 1e-6;
  c.steps[0].loss = std::nan("");
  CHECK_FALSE(c.passed());
}

TEST_CASE("compare: what is not judged must be a number all the same", "[train][nan]") {
  const auto cpu = std::make_shared<Device>(DeviceKind::cpu, 1);
  Comparison c;
  c.ways = {{"cpu f64", DeviceKind::cpu, Precision::f64, cpu},
            {"cuda f32", DeviceKind::cpu, Precision::f32, cpu}};
  c.steps.emplace_back();
  StepError& step = c.steps[0];
  step.phase = "warmup";
  step.way = "cuda f32";
  CHECK(c.passed());  // no bound, no gradients: the phase has none
  step.bound = 1e-5;  // a bound, and nothing that keeps it
  CHECK_FALSE(c.passed());
  step.bound.reset();
  for (const double bad : {std::nan(""), HUGE_VAL})
    for (int which = 0; which < 3; ++which) {
      StepError broken = step;
      broken.gradients = which == 0 ? bad : 1e-6;
      broken.middle = which == 1 ? bad : 1e-6;
      broken.loss = which == 2 ? bad : 1e-6;
      CHECK_FALSE(broken.passed());
      c.steps[0] = broken;
      CHECK_FALSE(c.passed());
      CHECK(comparison_table(c).find("FAILED") != std::string::npos);
      c.steps[0] = step;
    }
}
