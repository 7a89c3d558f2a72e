// rms_norm: rows on both sides of a lane and of a chunk, gradients of x and weight, NaN, and what it
// refuses.
#include "ops/rms_norm.h"

#include <cmath>
#include <limits>

#include "tests/support/op_check.h"

namespace weft {
namespace {

constexpr double eps = 1e-5;

OpCase rms_case(const Shape& shape) {
  const int64_t width = shape.back();
  return {.name = fmt::format("rms_norm {}", shape),
          .inputs = {shape, {width}},
          .op = [](const std::vector<Var>& v) { return rms_norm(v[0], v[1], eps); },
          .naive =
              [=](const std::vector<Values>& in) {
                Values y;
                for (int64_t row = 0; row < shape.outer(shape.rank() - 1); ++row) {
                  double square = 0;
                  for (int64_t i = 0; i < width; ++i)
                    square += in[0][row * width + i] * in[0][row * width + i];
                  const double rms = std::sqrt(square / static_cast<double>(width) + eps);
                  for (int64_t i = 0; i < width; ++i)
                    y.push_back(in[0][row * width + i] / rms * in[1][i]);
                }
                return y;
              },
          .low = 0.3,
          .high = 2.3,
          .reduction = width,
          // A value alone becomes +1 or -1 whatever it was: dx is rounding, nearly.
          .f32_slack = width == 1 ? 10000.0 : 8.0};
}

}  // namespace

TEST_CASE("rms_norm: rows on both sides of lanes and chunks", "[ops]") {
  for (const Shape& shape :
       std::vector<Shape>{{1},       {7},       {3, 1},    {5, 2},    {17, 8},   {2, 3, 5, 13},
                          {4, 16},   {127, 5},  {128, 4},  {129, 3},  {257, 31}, {3, 64},
                          {2, 1009}, {2, 4095}, {2, 4096}, {1, 4097}, {2, 8192}, {0, 3},
                          {3, 0},    {2, 0, 3}, {600, 5},  {2, 33}})
    op_check(rms_case(shape));
}

TEST_CASE("rms_norm: a row of zeros stays zero, and NaN stays in its row", "[ops][nan]") {
  Tape tape(test_device(), Tape::Mode::no_grad);
  const auto var = [&](const Shape& shape, const Values& values) {
    return tape.constant(on_tape(tape, Tensor::from(shape, values)));
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Var y = rms_norm(var({3, 2}, {0, 0, 1, nan, 3, 3}), var({2}, {1, 2}), eps);
  const Values got = from_tape(tape, y.value()).to_vector();
  CHECK((got[0] == 0 && got[1] == 0));
  CHECK((std::isnan(got[2]) && std::isnan(got[3])));
  CHECK((std::abs(got[4] - 1) < 1e-5 && std::abs(got[5] - 2) < 1e-5));
}

TEST_CASE("rms_norm: what it refuses", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto var = [&](const Shape& s, DType dtype = DType::f32) {
    return tape.leaf(Tensor::full(s, 1, dtype));
  };
  check_shape_error([&] { rms_norm(var({}), var({3})); }, "rms_norm: x needs a last axis, got []");
  check_shape_error(
      [&] {
        rms_norm(var({2, 3}), var({6}));
      },
      "rms_norm: weight is f32 [6], x f32 [2, 3] needs f32 [3]");
  check_shape_error(
      [&] {
        rms_norm(var({2, 3}), var({3}, DType::f64));
      },
      "rms_norm: weight is f64 [3], x f32 [2, 3] needs f32 [3]");
}

}  // namespace weft
