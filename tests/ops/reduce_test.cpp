// Sums and means over everything and over axes, on both sides of every chunk border.
#include <algorithm>
#include <cmath>

#include "engine/reduce_tree.h"
#include "ops/reduce.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

/// The sum over `axes` by plain loops.
Values naive_sum(const Shape& shape, const std::vector<int>& axes, const Values& x, bool mean) {
  Shape out = shape;
  for (int axis : axes) out.set(axis < 0 ? axis + shape.rank() : axis, 1);
  Values y(static_cast<size_t>(out.numel()));
  for (int64_t i = 0; i < shape.numel(); ++i) {
    int64_t at = 0, step = 1, rest = i;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (out[axis] != 1) at += rest % shape[axis] * step;
      rest /= shape[axis];
      step *= out[axis];
    }
    y[at] += x[i];
  }
  if (mean)
    for (double& v : y) v *= static_cast<double>(out.numel()) / static_cast<double>(shape.numel());
  return y;
}

}  // namespace

TEST_CASE("reduce: sum and mean over everything", "[ops]") {
  for (const Shape& shape : std::vector<Shape>{
           {}, {1}, {17}, {3, 5, 7}, {sum_chunk - 1}, {sum_chunk}, {sum_chunk + 1}, {5, 7, 1009}}) {
    const double n = static_cast<double>(shape.numel());
    const auto total = [](const Values& x) {
      double sum = 0;
      for (double v : x) sum += v;
      return sum;
    };
    op_check({.name = "sum" + shape.str(),
              .inputs = {shape},
              .op = [](const auto& x) { return sum(x[0]); },
              .naive = [=](const auto& in) { return Values{total(in[0])}; },
              .low = -1,
              .high = 3,
              .reduction = shape.numel()});
    op_check({.name = "mean" + shape.str(),
              .inputs = {shape},
              .op = [](const auto& x) { return mean(x[0]); },
              .naive = [=](const auto& in) { return Values{total(in[0]) / n}; },
              .low = -1,
              .high = 3,
              .reduction = shape.numel()});
  }
}

TEST_CASE("reduce: sum and mean over axes", "[ops]") {
  struct Axes {
    Shape shape;
    std::vector<int> axes;
  };
  const std::vector<Axes> cases = {
      {{5, 3}, {0}},                 // leading
      {{5, 3}, {-1}},                // trailing
      {{2, 3, 5, 4}, {1, 2}},        // pixels
      {{2, 3, 5, 4}, {0, 1, 2}},     // what a channel sums
      {{2, 3, 5, 4}, {0, 2}},        // two runs
      {{2, 3, 4, 3, 2}, {0, 2, 4}},  // three
      {{2, 3}, {}},                  // none
      {{3, 1, 4}, {1}},              // nothing to add up
      {{0, 3}, {0}},                 // sums of no terms
      {{2, 257, 1}, {1}},
      {{2, 255, 3}, {1}},
      {{2, 256, 3}, {1}},
      {{1, 513, 3}, {1}},
      {{3, 1025}, {0}},  // more columns than a piece
      {{3, sum_chunk + 1}, {1}},
      {{512, 40}, {0}},  // columns in vectors, one tile of a GPU and two
      {{513, 40}, {0}},
      {{3, 519, 72}, {1}},
  };
  for (const auto& [shape, axes] : cases)
    for (bool is_mean : {false, true}) {
      if (is_mean && shape.numel() == 0) continue;
      op_check({.name = fmt::format("{} {} over {}", is_mean ? "mean" : "sum", shape,
                                    fmt::join(axes, ",")),
                .inputs = {shape},
                .op =
                    [is_mean, axes = axes](const auto& x) {
                      return is_mean ? mean_over(x[0], axes) : sum_over(x[0], axes);
                    },
                .naive = [is_mean, shape = shape, axes = axes](
                             const auto& in) { return naive_sum(shape, axes, in[0], is_mean); },
                .low = -1,
                .high = 3,
                .reduction = std::max<int64_t>(1, shape.numel())});
    }
}

TEST_CASE("reduce: the shapes that come back, and the mean of nothing", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2, 3, 4}, Values(24, 1.0)));
  CHECK(sum(x).shape() == Shape{});
  CHECK(sum(x).value().item() == 24);
  CHECK(mean_over(x, {0, -1}).shape() == Shape({1, 3, 1}));
  CHECK(std::isnan(mean(tape.constant(Tensor::from({0}, {}))).value().item()));
  check_shape_error([&] { sum_over(x, {3}); }, "sum_over: axis 3 is outside of x [2, 3, 4]");
  check_shape_error([&] { mean_over(x, {-4}); }, "mean_over: axis -4 is outside");
}

TEST_CASE("reduce: f32 sums of a million equal terms stay near the truth", "[ops]") {
  CpuContext ctx(2);
  Tape tape(&ctx, Tape::Mode::no_grad);
  const int64_t n = 1 << 20;
  const Var x = tape.constant(Tensor::from({n}, Values(n, 0.1)));
  const double truth = static_cast<double>(n) * static_cast<double>(0.1F);
  CHECK(std::abs(sum(x).value().item() / truth - 1) < 2e-6);
  const Var columns = tape.constant(x.value().reshaped({n / 4, 4}));
  CHECK(std::abs(sum_over(columns, {0}).value().to_vector()[3] / (truth / 4) - 1) < 4e-6);
}

}  // namespace weft
