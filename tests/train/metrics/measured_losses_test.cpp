// Losses of measured labels: a bound pulls from above alone, the relative loss is the symmetric
// percentage error; both held against loops and central differences by op_check, with labels that
// are missing; and the task's loss is their sum.
#include <cmath>

#include "data/measured_label.h"
#include "ops/l1_loss.h"
#include "ops/pointwise.h"
#include "tests/support/catch.h"
#include "tests/support/op_check.h"
#include "train/metrics/baseline.h"
#include "train/metrics/losses.h"
#include "train/metrics/measured_losses.h"

using namespace weft;

namespace {

constexpr double unit = 0.8;

/// Every third is a bound, every fifth is missing; values away from where the tests' outputs are
/// equal to them.
Values labels_of(int64_t rows) {
  Values labels;
  for (int64_t n = 0; n < rows; ++n) {
    const bool missing = n % 5 == 4;
    const double value = n % 2 == 0 ? -2.5 - 0.1 * double(n % 7) : 2.5 + 0.1 * double(n % 7);
    const Values label{value, n % 3 == 0 ? 1.0 : 0.0, 1, unit, n % 4 == 0 ? 0.7 : 0};
    for (double v : label) labels.push_back(missing ? NAN : static_cast<float>(v));
  }
  return labels;
}

struct Item {
  double value, bound, unit, reference;
  bool missing;
};

Item item(const Values& labels, int64_t n) {
  const double* label = labels.data() + 5 * n;
  return {label[0], label[1], label[3], label[4], std::isnan(label[0])};
}

Tensor tensor(const Values& labels) {
  return Tensor::from({static_cast<int64_t>(labels.size() / 5), 1, 1, 5}, labels, DType::f32);
}

template <class F>
double mean_over(const Values& labels, F&& f) {
  double sum = 0, count = 0;
  for (int64_t n = 0; n < static_cast<int64_t>(labels.size() / 5); ++n) {
    const Item i = item(labels, n);
    if (i.missing) continue;
    sum += f(n, i);
    count += 1;
  }
  return count > 0 ? sum / count : 0;
}

double relative_error(double p, const Item& i) {
  const double ratio = std::pow(10.0, i.unit * (p - i.value));
  return 2 * (ratio - 1) / (ratio + 1 + 2 * i.reference);
}

TaskSpec task_of(double relative) {
  TaskSpec task;
  task.name = task.column = "id";
  task.kind = TaskKind::regression;
  task.target = "log10(id)";
  task.floor = 1e-9;
  task.relative = relative;
  return task;
}

}  // namespace

TEST_CASE("bounds pull from above alone", "[ops][losses]") {
  for (const int64_t rows : {1, 7, 97}) {
    const Values labels = labels_of(rows);
    op_check({.name = fmt::format("above_bounds {}", rows),
              .inputs = {{rows, 1, 1, 1}},
              .op = [=](const auto& x) { return above_bounds(x[0], tensor(labels)); },
              .naive =
                  [=](const auto& in) {
                    Values y;
                    for (int64_t n = 0; n < rows; ++n) {
                      const Item i = item(labels, n);
                      const double p = in[0][static_cast<size_t>(n)];
                      y.push_back(!i.missing && i.bound != 0 ? std::max(p, i.value) : p);
                    }
                    return y;
                  },
              .low = -2,
              .high = 2});
  }
}

TEST_CASE("the relative loss is the symmetric percentage error", "[ops][losses]") {
  for (const int64_t rows : {1, 7, 97}) {
    const Values labels = labels_of(rows);
    op_check({.name = fmt::format("relative_loss {}", rows),
              .inputs = {{rows, 1, 1, 1}},
              .op = [=](const auto& x) { return relative_loss(x[0], tensor(labels)); },
              .naive =
                  [=](const auto& in) {
                    return Values{mean_over(labels, [&](int64_t n, const Item& i) {
                      return std::pow(relative_error(in[0][static_cast<size_t>(n)], i), 2);
                    })};
                  },
              .low = -2,
              .high = 2,
              .reduction = rows});
  }
}

TEST_CASE("a measured task's loss: squared decades above bounds, and the relative loss",
          "[losses]") {
  CpuContext cpu(1);
  const Values labels = labels_of(10);
  Values p;
  for (int n = 0; n < 10; ++n) p.push_back(n - 5);
  Tape tape(&cpu);
  const Var pred = tape.leaf(Tensor::from({10, 1, 1, 1}, p, DType::f64));
  const auto loss = task_loss(task_of(0.3), Semantics::sound, pred, tensor(labels));
  REQUIRE(loss);
  const double expected = mean_over(labels, [&](int64_t n, const Item& i) {
    const double own = p[static_cast<size_t>(n)];
    const double above = i.bound != 0 ? std::max(own, i.value) : own;
    return std::pow(above - i.value, 2) + 0.3 * std::pow(relative_error(above, i), 2);
  });
  CHECK(loss->value().item() == Catch::Approx(expected).epsilon(1e-6));
  tape.backward(*loss);
  const Values gradient = tape.grad(pred).to_vector();
  for (int64_t n = 0; n < 10; ++n) {
    const Item i = item(labels, n);
    const bool free = i.missing || (i.bound != 0 && p[static_cast<size_t>(n)] < i.value);
    CHECK((gradient[static_cast<size_t>(n)] == 0) == free);
  }
  CHECK(!task_loss(task_of(0), Semantics::sound, pred, tensor(Values(50, NAN))));
}

TEST_CASE("the best constant knows bounds", "[losses]") {
  const Values labels = labels_of(60);
  const auto loss = [&](double c) {
    return mean_over(labels, [&](int64_t, const Item& i) {
      return std::pow((i.bound != 0 ? std::max(c, i.value) : c) - i.value, 2);
    });
  };
  double best = 0;
  for (double c = -4; c < 4; c += 1e-3)
    if (loss(c) < loss(best)) best = c;
  Baseline baseline(task_of(0), Semantics::sound);
  baseline.add(tensor(labels), {}, 1, 1);
  CHECK(baseline.constant()[0] == Catch::Approx(best).margin(2e-3));
  CHECK(baseline.loss() == Catch::Approx(loss(baseline.constant()[0])).epsilon(1e-5));
  CHECK(loss(baseline.constant()[0]) <= loss(best) + 1e-9);
}

TEST_CASE("the best constant is that of the task's own loss, with its relative part", "[losses]") {
  CpuContext cpu(1);
  // Two heaps of labels, bounds and missing ones among them; then labels of many decades.
  Values wide;
  for (int n = 0; n < 40; ++n)
    for (const double v : {0.37 * n - 9, n % 7 == 0 ? 1.0 : 0.0, 0.0, 1.5, 0.2}) wide.push_back(v);
  for (const Values& labels : {labels_of(60), wide})
    for (const double relative : {0.01, 0.3, 20.0}) {
      const TaskSpec task = task_of(relative);
      const auto loss = [&](double c) {
        return mean_over(labels, [&](int64_t, const Item& i) {
          const double above = i.bound != 0 ? std::max(c, i.value) : c;
          return std::pow(above - i.value, 2) + relative * std::pow(relative_error(above, i), 2);
        });
      };
      double best = 0;
      for (double c = -12; c < 12; c += 1e-3)
        if (loss(c) < loss(best)) best = c;
      Baseline baseline(task, Semantics::sound);
      baseline.add(tensor(labels), {}, 1, 1);
      const double constant = baseline.constant()[0];
      CAPTURE(relative, best, constant);
      CHECK(baseline.loss() == Catch::Approx(loss(best)).epsilon(1e-5));
      CHECK(loss(constant) <= loss(best) + 1e-9);
      Tape tape(&cpu);
      const auto rows = static_cast<int64_t>(labels.size() / 5);
      const Var pred = tape.leaf(
          Tensor::from({rows, 1, 1, 1}, Values(static_cast<size_t>(rows), constant), DType::f64));
      CHECK(baseline.loss() ==
            Catch::Approx(task_loss(task, Semantics::sound, pred, tensor(labels))->value().item())
                .epsilon(1e-6));
    }
}
