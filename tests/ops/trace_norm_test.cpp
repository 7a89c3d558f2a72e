// trace_norm of one, two and three rows against singular values in closed form, and where rows are
// parallel, zero or alone: finite, and a subgradient.
#include "ops/trace_norm.h"

#include <cmath>

#include "tests/support/op_check.h"

namespace weft {
namespace {

/// Sum of the roots of the eigenvalues of X X^T, by the formulas for 1, 2 and 3 rows.
double by_formula(const Values& x, size_t rows) {
  const size_t columns = x.size() / rows;
  const auto dot = [&](size_t i, size_t j) {
    double sum = 0;
    for (size_t c = 0; c < columns; ++c) sum += x[i * columns + c] * x[j * columns + c];
    return sum;
  };
  if (rows == 1) return std::sqrt(dot(0, 0));
  if (rows == 2) {
    const double det = dot(0, 0) * dot(1, 1) - dot(0, 1) * dot(0, 1);
    return std::sqrt(dot(0, 0) + dot(1, 1) + 2 * std::sqrt(det));
  }
  // The trigonometric solution of the cubic: eigenvalues q + 2 p cos(phi + 2 pi k / 3).
  const double q = (dot(0, 0) + dot(1, 1) + dot(2, 2)) / 3;
  const double off = dot(0, 1) * dot(0, 1) + dot(0, 2) * dot(0, 2) + dot(1, 2) * dot(1, 2);
  double b[3][3], square = 2 * off;
  for (size_t i = 0; i < 3; ++i) square += (dot(i, i) - q) * (dot(i, i) - q);
  const double p = std::sqrt(square / 6);
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j) b[i][j] = (dot(i, j) - (i == j ? q : 0)) / p;
  const double det = b[0][0] * (b[1][1] * b[2][2] - b[1][2] * b[2][1]) -
                     b[0][1] * (b[1][0] * b[2][2] - b[1][2] * b[2][0]) +
                     b[0][2] * (b[1][0] * b[2][1] - b[1][1] * b[2][0]);
  const double phi = std::acos(det / 2) / 3, third = 2 * std::acos(-1.0) / 3;
  double sum = 0;
  for (int k = 0; k < 3; ++k) sum += std::sqrt(q + 2 * p * std::cos(phi + k * third));
  return sum;
}

struct Result {
  double value;
  Values gradient;
};

Result run(const Shape& shape, const Values& x) {
  CpuContext cpu;
  Tape tape(&cpu);
  const Var leaf = tape.leaf(Tensor::from(shape, x, DType::f64));
  const Var y = trace_norm(leaf);
  tape.backward(y);
  return {y.value().item(), tape.grad(leaf).to_vector()};
}

}  // namespace

TEST_CASE("trace_norm: one, two and three rows", "[ops]") {
  for (const int64_t rows : {1, 2, 3})
    for (const int64_t columns : {5, 130, 1031}) {
      OpCase c;
      c.name = fmt::format("[{}, {}]", rows, columns);
      c.inputs = {{rows, columns}};
      c.op = [](const std::vector<Var>& v) { return trace_norm(v[0]); };
      c.naive = [=](const std::vector<Values>& v) {
        return Values{by_formula(v[0], static_cast<size_t>(rows))};
      };
      c.reduction = columns;
      c.f32_slack = 16;  // it divides by the smallest singular value
      op_check(c);
    }
}

TEST_CASE("trace_norm: parallel rows and zeros have a finite subgradient", "[ops]") {
  // [w; w] has the one singular value sqrt(2) |w|, and U V^T = [w; w] / (sqrt(2) |w|).
  const Result parallel = run({2, 3}, {1, 2, 2, 1, 2, 2});
  CHECK(parallel.value == Catch::Approx(3 * std::sqrt(2.0)).epsilon(1e-14));
  for (size_t i = 0; i < 6; ++i)
    CHECK(parallel.gradient[i] ==
          Catch::Approx((i % 3 == 0 ? 1.0 : 2.0) / (3 * std::sqrt(2.0))).epsilon(1e-14));
  const Result zero = run({2, 3}, Values(6, 0.0));
  CHECK(zero.value == 0);
  CHECK(zero.gradient == Values(6, 0.0));
}

TEST_CASE("trace_norm: shape errors", "[ops]") {
  CpuContext cpu;
  Tape tape(&cpu);
  check_shape_error(
      [&] {
        trace_norm(tape.constant(Tensor::from({3}, {1, 2, 3})));
      },
      "trace_norm: x must be [rows, columns], not empty, and is [3]");
}

}  // namespace weft
