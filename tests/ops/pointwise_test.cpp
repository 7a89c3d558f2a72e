// Pointwise ops: one row per op, sizes around the vector and chunk borders, broadcasting.
#include <cmath>

#include "ops/pointwise.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

using UnaryOp = Var (*)(Tape&, const Var&, SourceLoc);

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
};

const std::vector<Row> rows = {
    {"relu", relu, [](double x) { return std::max(x, 0.0); }, -2, 2, {0}},
    {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -6, 6, {}},
    {"exp", exp, [](double x) { return std::exp(x); }, -3, 3, {}},
    {"log", log, [](double x) { return std::log(x); }, 0.1, 5, {}},
    {"abs", abs, [](double x) { return std::fabs(x); }, -2, 2, {0}},
    {"square", square, [](double x) { return x * x; }, -2, 2, {}},
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
                .op = [&](Tape& t, const auto& x) { return row.op(t, x[0], SourceLoc::here()); },
                .naive = each(row.f),
                .low = row.low,
                .high = row.high,
                .kinks = row.kinks});
    }
}

TEST_CASE("pointwise: sizes around a chunk's border", "[ops]") {
  for (int64_t n : {pointwise_chunk - 1, pointwise_chunk, pointwise_chunk + 1, 2 * pointwise_chunk})
    op_check({.name = "relu",
              .inputs = {{n}},
              .op = [](Tape& t, const auto& x) { return relu(t, x[0]); },
              .naive = each([](double x) { return std::max(x, 0.0); }),
              .kinks = {0}});
}

TEST_CASE("pointwise: scale and shift", "[ops]") {
  op_check({.name = "scale",
            .inputs = {{3, 5}},
            .op = [](Tape& t, const auto& x) { return scale(t, x[0], -1.25); },
            .naive = each([](double x) { return -1.25 * x; })});
  op_check({.name = "shift",
            .inputs = {{3, 5}},
            .op = [](Tape& t, const auto& x) { return shift(t, x[0], 0.75); },
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
                .op = [op](Tape& t, const auto& x) { return op(t, x[0], x[1], SourceLoc::here()); },
                .naive = [=](const auto& in) { return naive_binary(a, b, in, f); }});
    };
    check("add", add, [](double x, double y) { return x + y; });
    check("sub", sub, [](double x, double y) { return x - y; });
    check("mul", mul, [](double x, double y) { return x * y; });
  }
}

TEST_CASE("pointwise: one value as both operands", "[ops]") {
  op_check({.name = "x x + x",
            .inputs = {{2, 7}},
            .op = [](Tape& t, const auto& x) { return add(t, mul(t, x[0], x[0]), x[0]); },
            .naive = each([](double x) { return x * x + x; })});
}

TEST_CASE("pointwise: add_relu", "[ops]") {
  for (int64_t n : {int64_t{0}, int64_t{1}, int64_t{61}, pointwise_chunk + 1}) {
    Values x, r;  // x + r is at least 0.1 away from 0
    for (int64_t i = 0; i < n; ++i) {
      x.push_back(static_cast<double>(i % 17) / 8 - 1);
      r.push_back((i % 3 == 0 ? 0.5 : -0.25) * static_cast<double>(i % 5 + 1) - x.back());
    }
    op_check({.name = "add_relu",
              .inputs = {{n}, {n}},
              .op = [](Tape& t, const auto& in) { return add_relu(t, in[0], in[1]); },
              .naive =
                  [](const auto& in) {
                    Values y;
                    for (size_t i = 0; i < in[0].size(); ++i)
                      y.push_back(std::max(in[0][i] + in[1][i], 0.0));
                    return y;
                  },
              .values = {x, r}});
  }
}

TEST_CASE("pointwise: relu keeps a NaN, and stops at infinity's gradient", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const double nan = std::nan("");
  const Var x = tape.leaf(Tensor::from({3}, {nan, -1, 2}, DType::f64));
  const Var y = relu(tape, x);
  CHECK(std::isnan(y.value().to_vector()[0]));
  tape.backward(y, Tensor::from({3}, {1, INFINITY, 1}, DType::f64));
  CHECK(tape.grad(x).to_vector()[1] == 0);
}

TEST_CASE("pointwise: shape errors name both operands", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2, 3}, Values(6)));
  const Var y = tape.leaf(Tensor::from({2}, Values(2)));
  const Var z = tape.leaf(Tensor::from({2, 3}, Values(6), DType::f64));
  const size_t before = tape.size();
  check_shape_error([&] { add(tape, x, y); },
                    "add: shapes do not broadcast (aligned right, 1 stretches): x [2, 3], y [2]");
  check_shape_error([&] { sub(tape, x, y); }, "sub: shapes do not broadcast");
  check_shape_error([&] { mul(tape, x, z); },
                    "mul: operands differ in type: x f32 [2, 3], y f64 [2, 3]");
  const Var row = tape.leaf(Tensor::from({3}, Values(3)));
  check_shape_error([&] { add_relu(tape, x, row); },
                    "add_relu: x [2, 3] and r [3] differ in shape");
  CHECK(tape.size() == before + 1);  // the leaf: nothing was recorded
}

}  // namespace weft
