// Errors of measured quantities: decades and percent by hand, slopes by the product rule, bounds
// not scored, absence where nothing is strong or no slope was measured.
#include <cmath>
#include <map>

#include "data/measured_label.h"
#include "tests/support/catch.h"
#include "train/metrics/metrics.h"

using namespace weft;

namespace {

TaskSpec current() {
  TaskSpec task;
  task.name = task.column = "id";
  task.kind = TaskKind::regression;
  task.target = "log10(id / vds)";
  task.slopes = {"gm: vgs", "gds: vds"};
  return task;
}

constexpr double unit = 1.5;

/// A label of y at vds = 0.5, with dy/dvgs and dy/dvds (NaN: not measured).
std::vector<double> label_of(double y, double gm, double gds, bool strong, bool bound = false) {
  return {std::log10(y / 0.5) / unit,
          bound ? 1.0 : 0.0,
          strong ? 1.0 : 0.0,
          unit,
          0,
          gm / y,
          0,
          gds / y,
          -1 / 0.5};
}

std::map<std::string, Measure> finished(const TaskMetrics& metrics) {
  std::map<std::string, Measure> out;
  for (const Metric& m : metrics.finish()) out[m.name] = m.value;
  return out;
}

}  // namespace

TEST_CASE("errors in decades and percent, of slopes too", "[metrics]") {
  // The network's y' = vds 10^t; its slopes by the definition of the derivative.
  const auto t = [](double vgs, double vds) { return -5 + 0.7 * vgs + 0.3 * vds * vds; };
  const auto y = [&](double vgs, double vds) { return vds * std::pow(10.0, t(vgs, vds)); };
  const double vgs = 0.8, vds = 0.5, h = 1e-6;
  const double gm = (y(vgs + h, vds) - y(vgs - h, vds)) / (2 * h);
  const double gds = (y(vgs, vds + h) - y(vgs, vds - h)) / (2 * h);
  const double p = t(vgs, vds) / unit, by_vgs = 0.7 / unit, by_vds = 0.6 * vds / unit;
  std::vector<double> labels, predictions, slopes;
  const auto add = [&](const std::vector<double>& label) {
    labels.insert(labels.end(), label.begin(), label.end());
    predictions.push_back(p);
    slopes.insert(slopes.end(), {by_vgs, by_vds});
  };
  add(label_of(y(vgs, vds) / 1.10, gm / 1.2, gds / 0.9, true));
  add(label_of(y(vgs, vds) / 1.02, gm / 1.04, NAN, true));
  add(label_of(y(vgs, vds) / 0.5, gm, gds, false));     // decades alone
  add(label_of(y(vgs, vds) * 7, gm, gds, true, true));  // a bound: not scored
  add(std::vector<double>(9, NAN));                     // no label
  TaskMetrics metrics(current(), Semantics::sound);
  const Tensor outputs = Tensor::from({5, 1, 1, 1}, predictions, DType::f64);
  const Tensor target = Tensor::from({5, 1, 1, 9}, labels, DType::f32);
  metrics.add(outputs, target);
  CHECK(!finished(metrics)["percent_slope1"]);  // no slopes were handed over
  metrics.add_slopes(outputs, Tensor::from({5, 1, 1, 2}, slopes, DType::f64), target);
  auto found = finished(metrics);
  CHECK(*found["percent"] == Catch::Approx((10.0 + 2.0) / 2).epsilon(1e-4));
  CHECK(*found["percent_slope1"] == Catch::Approx((20.0 + 4.0) / 2).epsilon(1e-4));
  CHECK(*found["percent_slope2"] == Catch::Approx(10.0).epsilon(1e-4));
  const double a = std::log10(1.10), b = std::log10(1.02), c = std::log10(0.5);
  CHECK(*found["target_rmse"] ==
        Catch::Approx(std::sqrt((a * a + b * b + c * c) / 3)).epsilon(1e-5));
  CHECK(found.count("rmse") == 0);
  CHECK(found.count("percent_slope3") == 0);
}

TEST_CASE("nothing strong is no percent, and a NaN is the worst of them", "[metrics]") {
  TaskMetrics weak(current(), Semantics::sound), odd(current(), Semantics::sound);
  weak.add(Tensor::from({1, 1, 1, 1}, {-3.0}),
           Tensor::from({1, 1, 1, 9}, label_of(1e-9, 1, 1, false), DType::f32));
  CHECK(!finished(weak)["percent"]);
  odd.add(Tensor::from({1, 1, 1, 1}, {std::nan("")}),
          Tensor::from({1, 1, 1, 9}, label_of(1e-5, 1, 1, true), DType::f32));
  CHECK(std::isnan(*finished(odd)["percent"]));
  CHECK(odd.faults() == 1);
  CHECK(is_in_tables("percent"));
  CHECK(!counts_in_delta("percent_slope2"));
  CHECK(counts_in_delta("target_rmse"));
  CHECK(!in_label_unit("target_rmse"));
  TaskSpec plain = current();
  plain.target.clear();
  plain.slopes.clear();
  CHECK(finished(TaskMetrics(plain, Semantics::sound)).count("percent") == 0);
}
