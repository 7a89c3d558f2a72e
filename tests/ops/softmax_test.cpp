// softmax and log_softmax: widths on both sides of a lane, huge logits, infinities, and the
// vectorised exponential against libm's.
#include <cmath>
#include <limits>

#include "ops/softmax.h"
#include "ops/softmax_rows.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

Values naive_softmax(int64_t width, const Values& x, bool log) {
  Values y(x.size());
  for (size_t row = 0; row < x.size(); row += width) {
    double sum = 0;
    for (int64_t j = 0; j < width; ++j) sum += std::exp(x[row + j]);
    for (int64_t j = 0; j < width; ++j)
      y[row + j] = log ? x[row + j] - std::log(sum) : std::exp(x[row + j]) / sum;
  }
  return y;
}

}  // namespace

TEST_CASE("softmax and log_softmax", "[ops]") {
  for (const Shape& shape : std::vector<Shape>{
           {1}, {16, 2}, {3, 7}, {2, 3, 8}, {1, 2, 3, 9}, {5, 40}, {0, 4}, {3, 1009}, {2053, 2}})
    for (bool log : {false, true})
      op_check({.name = fmt::format("{} {}", log ? "log_softmax" : "softmax", shape),
                .inputs = {shape},
                .op = [=](const auto& x) { return log ? log_softmax(x[0]) : softmax(x[0]); },
                .naive = [=](const auto& in) { return naive_softmax(shape.back(), in[0], log); },
                .reduction = shape.back()});
}

TEST_CASE("softmax: huge, infinite and absent logits", "[ops]") {
  Tape tape(test_device(), Tape::Mode::no_grad);
  const double inf = std::numeric_limits<double>::infinity();
  const auto run = [&](const Values& x, bool log) {
    const Tensor t = Tensor::from({static_cast<int64_t>(x.size())}, x);
    const Var v = tape.constant(on_tape(tape, t));
    return from_tape(tape, (log ? log_softmax(v) : softmax(v)).value()).to_vector();
  };
  CHECK(run({1e30, 0, -1e30}, false) == Values{1, 0, 0});
  CHECK(std::abs(run({3e4, 3e4}, true)[0] + std::log(2.0)) < 1e-7);
  CHECK(run({0, -inf}, false) == Values{1, 0});
  for (double v : run({0, std::nan(""), 1}, false)) CHECK(std::isnan(v));
  check_shape_error([&] { softmax(tape.constant(on_tape(tape, Tensor::from({}, {1.0})))); },
                    "softmax: x needs a last axis, got []");
}

TEST_CASE("softmax: the exponential of f32 lanes is within 2 ulp", "[ops]") {
  double worst = 0;
  for (int i = 0; i <= 2000000; ++i) {
    const float x = -87.0F * static_cast<float>(i) / 2000000.0F;
    const double truth = std::exp(static_cast<double>(x));
    const double ulp = std::nextafter(static_cast<float>(truth), 2.0F) - static_cast<float>(truth);
    worst = std::max(worst, std::abs(static_cast<double>(exp_negative(x)) - truth) / ulp);
  }
  CHECK(worst < 2);
  CHECK(exp_negative(0.0F) == 1.0F);
  CHECK(std::abs(exp_negative(-100.0F) / std::exp(-100.0F) - 1) < 0.05);  // subnormal
  CHECK(exp_negative(-104.0F) == 0.0F);
  CHECK(exp_negative(-std::numeric_limits<float>::infinity()) == 0.0F);
  CHECK(std::isnan(exp_negative(std::nanf(""))));
}

}  // namespace weft
