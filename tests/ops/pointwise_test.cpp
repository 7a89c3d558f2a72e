// Pointwise ops: one row per op, sizes around the vector and chunk borders, broadcasting.
#include <cmath>

#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

using UnaryOp = Var (*)(const Var&, SourceLoc);

/// The naive form of a one-argument op.
auto each(double (*f)(double)) {
  return [f](const std::vector<Values>& in) {
    Values out;
    for (double x : in[0]) out.push_back(f(x));
    return out;
  };
}

struct Row {
  const char* name;
  UnaryOp op;
  double (*f)(double);
  double low, high;
  std::vector<double> kinks;
  double slack = 1;  // of the f32 bound: where a gradient's terms cancel
};

const std::vector<Row> rows = {
    {"relu", relu, [](double x) { return std::max(x, 0.0); }, -2, 2, {0}},
    {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -6, 6, {}},
    {"exp", exp, [](double x) { return std::exp(x); }, -3, 3, {}},
    {"log", log, [](double x) { return std::log(x); }, 0.1, 5, {}},
    {"abs", abs, [](double x) { return std::fabs(x); }, -2, 2, {0}},
    {"square", square, [](double x) { return x * x; }, -2, 2, {}},
    {"tanh", tanh, [](double x) { return std::tanh(x); }, -3, 3, {}},
    {"asinh", asinh, [](double x) { return std::asinh(x); }, -9, 9, {}},
    {"softplus", softplus, [](double x) { return std::log(1 + std::exp(x)); }, -6, 6, {}},
    {"gelu",
     gelu,
     [](double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; },
     -4,
     4,
     {},
     4},
    {"silu", silu, [](double x) { return x / (1 + std::exp(-x)); }, -6, 6, {}, 4},
    {"reciprocal", reciprocal, [](double x) { return 1 / x; }, 0.2, 4, {}},
    {"neg", neg, [](double x) { return -x; }, -2, 2, {}},
    {"sqrt", sqrt, [](double x) { return std::sqrt(x); }, 0.1, 5, {}},
};

/// The naive form of z = f(x, y) with broadcasting, by the index arithmetic of the rule itself.
Values naive_binary(const Shape& a, const Shape& b, const std::vector<Values>& in,
                    double (*f)(double, double)) {
  const Shape out = Shape::broadcast(a, b);
  Values z;
  for (int64_t i = 0; i < out.numel(); ++i) {
    const auto offset = [&](const Shape& s) {
      int64_t at = 0, step = 1, rest = i;
      for (int axis = out.rank() - 1; axis >= 0; --axis) {
        const int64_t index = rest % out[axis];
        rest /= out[axis];
        const int own = axis - (out.rank() - s.rank());
        if (own < 0) continue;
        if (s[own] != 1) at += index * step;
        step *= s[own];
      }
      return at;
    };
    z.push_back(f(in[0][offset(a)], in[1][offset(b)]));
  }
  return z;
}

}  // namespace

TEST_CASE("pointwise: every op of one argument", "[ops]") {
  for (const Row& row : rows)
    for (const Shape& shape : std::vector<Shape>{{}, {0, 3}, {1}, {31}, {2, 3, 5, 7}}) {
      op_check({.name = row.name + shape.str(),
                .inputs = {shape},
                .op = [&](const auto& x) { return row.op(x[0], SourceLoc::here()); },
                .naive = each(row.f),
                .low = row.low,
                .high = row.high,
                .kinks = row.kinks,
                .f32_slack = row.slack});
    }
}

TEST_CASE("pointwise: sizes around a chunk's border", "[ops]") {
  for (int64_t n : {pointwise_chunk - 1, pointwise_chunk, pointwise_chunk + 1, 2 * pointwise_chunk})
    op_check({.name = "relu",
              .inputs = {{n}},
              .op = [](const auto& x) { return relu(x[0]); },
              .naive = each([](double x) { return std::max(x, 0.0); }),
              .kinks = {0}});
}

TEST_CASE("pointwise: scale and shift", "[ops]") {
  op_check({.name = "scale",
            .inputs = {{3, 5}},
            .op = [](const auto& x) { return scale(x[0], -1.25); },
            .naive = each([](double x) { return -1.25 * x; })});
  op_check({.name = "shift",
            .inputs = {{3, 5}},
            .op = [](const auto& x) { return shift(x[0], 0.75); },
            .naive = each([](double x) { return x + 0.75; })});
}

TEST_CASE("pointwise: two operands, equal and broadcast", "[ops]") {
  struct Pair {
    Shape a, b;
  };
  const std::vector<Pair> pairs = {
      {{}, {}},
      {{7}, {7}},
      {{0, 4}, {4}},
      {{2, 3, 5, 4}, {4}},           // a bias
      {{2, 3, 5, 4}, {2, 3, 5, 1}},  // a mask over pixels
      {{2, 1, 1, 4}, {2, 3, 5, 4}},  // a vector per sample
      {{3, 1, 4}, {2, 1, 5, 1}},     // both stretch, alternating
      {{2, 3, 2, 3, 2}, {1, 3, 1, 3, 1}},
      {{5, 4}, {}},
      {{2, pointwise_chunk + 1}, {2, 1}},
  };
  for (const auto& [a, b] : pairs) {
    const auto check = [&, a = a, b = b](const char* name, auto op, double (*f)(double, double)) {
      op_check({.name = fmt::format("{} {} {}", name, a, b),
                .inputs = {a, b},
                .op = [op](const auto& x) { return op(x[0], x[1], SourceLoc::here()); },
                .naive = [=](const auto& in) { return naive_binary(a, b, in, f); }});
    };
    check("add", add, [](double x, double y) { return x + y; });
    check("sub", sub, [](double x, double y) { return x - y; });
    check("mul", mul, [](double x, double y) { return x * y; });
    check("maximum", maximum, [](double x, double y) { return std::max(x, y); });
  }
}

TEST_CASE("pointwise: div, away from 0", "[ops]") {
  for (const auto& [a, b] : std::vector<std::pair<Shape, Shape>>{{{}, {}},
                                                                 {{61}, {61}},
                                                                 {{0, 4}, {4}},
                                                                 {{2, 3, 4}, {4}},
                                                                 {{4}, {3, 4}},
                                                                 {{3, 1}, {2, 1, 5}}})
    op_check({.name = fmt::format("div {} {}", a, b),
              .inputs = {a, b},
              .op = [](const auto& x) { return x[0] / x[1]; },
              .naive =
                  [a = a, b = b](const auto& in) {
                    return naive_binary(a, b, in, [](double x, double y) { return x / y; });
                  },
              .low = 0.5,
              .high = 2});
}

TEST_CASE("pointwise: pow and clamp", "[ops]") {
  for (double exponent : {0.0, 1.0, 2.0, 2.5, -1.5})
    op_check({.name = fmt::format("pow {}", exponent),
              .inputs = {{3, 7}},
              .op = [=](const auto& x) { return pow(x[0], exponent); },
              .naive =
                  [=](const auto& in) {
                    Values y;
                    for (double x : in[0]) y.push_back(std::pow(x, exponent));
                    return y;
                  },
              .low = 0.5,
              .high = 2});
  op_check({.name = "clamp",
            .inputs = {{3, 7}},
            .op = [](const auto& x) { return clamp(x[0], -0.5, 1); },
            .naive = each([](double x) { return std::min(std::max(x, -0.5), 1.0); }),
            .kinks = {-0.5, 1}});
}

TEST_CASE("pointwise: at the edges: ties of maximum, pow at 0, softplus far out, clamp of a NaN",
          "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({3}, {1, 2, 3})),
            y = tape.leaf(Tensor::from({3}, {1, 1, 4}));
  tape.backward(sum(maximum(x, y)));
  CHECK(tape.grad(x).to_vector() == Values{0.5, 1, 0});
  CHECK(tape.grad(y).to_vector() == Values{0.5, 0, 1});
  const Var zero = tape.leaf(Tensor::from({2}, {0, -2}));
  tape.backward(sum(pow(zero, 0) + pow(zero, 2)));
  CHECK(tape.grad(zero).to_vector() == Values{0, -4});
  const Var far = tape.constant(Tensor::from({2}, {-1000, 1000}));
  CHECK(softplus(far).value().to_vector() == Values{0, 1000});
  const double nan = std::nan("");
  CHECK(std::isnan(clamp(tape.constant(Tensor::from({}, {nan})), 0, 1).value().item()));
  CHECK(std::isnan(
      maximum(tape.constant(Tensor::from({}, {nan})), tape.constant(Tensor::from({}, {1})))
          .value()
          .item()));
  check_shape_error([&] { clamp(x, 1, 0); }, "clamp: low 1 is above high 0");
}

TEST_CASE("pointwise: operators are the formula, and name the line that they stand in", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2}, {2, 4}, DType::f64));
  const Var y = tape.leaf(Tensor::from({2}, {1, 3}, DType::f64));
  const Var z = -(x + y) * x / y - 2 * x + (1 - y) / 4 + 8 / x - 1;
  const auto f = [](double a, double b) {
    return -(a + b) * a / b - 2 * a + (1 - b) / 4 + 8 / a - 1;
  };
  CHECK(z.value().to_vector()[0] == Catch::Approx(f(2, 1)));
  CHECK(z.value().to_vector()[1] == Catch::Approx(f(4, 3)));
  tape.backward(sum(z));
  // dz/dx = -(2x + y) / y - 2 - 8 / x^2
  CHECK(tape.grad(x).to_vector()[0] == Catch::Approx(-5 - 2 - 2));
  CHECK(tape.grad(x).to_vector()[1] == Catch::Approx(-11.0 / 3 - 2 - 0.5));
  const Var wide = tape.leaf(Tensor::from({3}, {1, 2, 3}, DType::f64));
  const int line = __LINE__ + 1;
  check_shape_error([&] { x* wide; }, fmt::format("pointwise_test.cpp:{})", line));
}

TEST_CASE("pointwise: one value as both operands", "[ops]") {
  op_check({.name = "x x + x",
            .inputs = {{2, 7}},
            .op = [](const auto& x) { return add(mul(x[0], x[0]), x[0]); },
            .naive = each([](double x) { return x * x + x; })});
}

TEST_CASE("pointwise: relu keeps a NaN, and stops at infinity's gradient", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const double nan = std::nan("");
  const Var x = tape.leaf(Tensor::from({3}, {nan, -1, 2}, DType::f64));
  const Var y = relu(x);
  CHECK(std::isnan(y.value().to_vector()[0]));
  tape.backward(y, Tensor::from({3}, {1, INFINITY, 1}, DType::f64));
  CHECK(tape.grad(x).to_vector()[1] == 0);
}

TEST_CASE(
    "pointwise: relu of a value that nobody else has takes no memory where nothing is recorded",
    "[ops]") {
  CpuContext ctx(1);
  const Tensor start = Tensor::from({4}, {-1, 2, std::nan(""), -0.5}, DType::f64);
  for (const auto mode : {Tape::Mode::train, Tape::Mode::no_grad})
    for (const bool shared : {false, true}) {
      Tape tape(&ctx, mode);
      Var x = tape.leaf(start.clone());
      const void* const bytes = x.value().raw();
      const Tensor other = shared ? x.value() : Tensor();
      const Var y = relu(std::move(x));
      CHECK((y.value().raw() == bytes) == (mode == Tape::Mode::no_grad && !shared));
      const Values out = y.value().to_vector();
      CHECK((out[0] == 0 && out[1] == 2 && std::isnan(out[2]) && out[3] == 0));
      if (shared) CHECK(other.to_vector()[0] == -1);
    }
}

TEST_CASE("pointwise: shape errors name both operands", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2, 3}, Values(6)));
  const Var y = tape.leaf(Tensor::from({2}, Values(2)));
  const Var z = tape.leaf(Tensor::from({2, 3}, Values(6), DType::f64));
  const size_t before = tape.size();
  check_shape_error([&] { add(x, y); },
                    "add: shapes do not broadcast (aligned right, 1 stretches): x [2, 3], y [2]");
  check_shape_error([&] { sub(x, y); }, "sub: shapes do not broadcast");
  check_shape_error([&] { mul(x, z); }, "mul: operands differ in type: x f32 [2, 3], y f64 [2, 3]");
  const Var row = tape.leaf(Tensor::from({3}, Values(3)));
  CHECK(tape.size() == before + 1);  // the leaf: nothing was recorded
}

}  // namespace weft
