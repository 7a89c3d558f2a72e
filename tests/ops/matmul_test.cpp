// matmul against the plainest loops, in its three kinds, and the text of its shape errors.
#include "ops/matmul.h"

#include "tests/support/op_check.h"

namespace weft {
namespace {

void check_matmul(int64_t m, int64_t k, int64_t n, Transpose transpose) {
  OpCase c;
  c.name = fmt::format("{} x {} x {}, transpose {}", m, k, n, static_cast<int>(transpose));
  const bool ta = transpose == Transpose::a, tb = transpose == Transpose::b;
  c.inputs = {ta ? Shape{k, m} : Shape{m, k}, tb ? Shape{n, k} : Shape{k, n}};
  c.op = [=](const std::vector<Var>& v) { return matmul(v[0], v[1], transpose); };
  c.naive = [=](const std::vector<Values>& v) {
    Values y;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += v[0][ta ? l * m + i : i * k + l] * v[1][tb ? j * k + l : l * n + j];
        y.push_back(sum);
      }
    return y;
  };
  c.reduction = k;
  op_check(c);
}

}  // namespace

TEST_CASE("matmul: three kinds, sizes around the blocks") {
  for (const Transpose t : {Transpose::none, Transpose::a, Transpose::b}) {
    check_matmul(1, 1, 1, t);
    check_matmul(5, 7, 3, t);
    check_matmul(13, 257, 17, t);
    check_matmul(200, 3, 31, t);
    check_matmul(6, 16, 130, t);
    check_matmul(0, 4, 5, t);
  }
}

TEST_CASE("matmul: shape errors") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto var = [&](const Shape& shape) {
    return tape.constant(Tensor::from(shape, Values(shape.numel(), 0.0)));
  };
  check_shape_error(
      [&] {
        matmul(var({2, 3}), var({2, 3}));
      },
      "matmul: inner sizes must agree: [2, 3] x [2, 3]");
  check_shape_error(
      [&] {
        matmul(var({2, 3}), var({3, 2}), Transpose::b);
      },
      "[2, 3] x [3, 2] transposed");
}

}  // namespace weft
