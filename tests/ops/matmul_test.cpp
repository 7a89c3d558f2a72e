// matmul against the plainest loops, in its three kinds, by batches and with a plain matrix, and
// the text of its shape errors.
#include "ops/matmul.h"

#include "engine/device.h"

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

enum class Plain { neither, a, b };

/// The same product for each of `leading`; a plain operand is one matrix for all.
void check_batch(const Shape& leading, int64_t m, int64_t k, int64_t n, Transpose transpose,
                 Plain plain) {
  const bool ta = transpose == Transpose::a, tb = transpose == Transpose::b;
  const auto shape = [&](bool batched, int64_t rows, int64_t columns) {
    Shape s = batched ? leading : Shape{};
    s.push_back(rows);
    s.push_back(columns);
    return s;
  };
  OpCase c;
  c.name = fmt::format("batch {}, {} x {} x {}, transpose {}, plain {}", leading, m, k, n,
                       static_cast<int>(transpose), static_cast<int>(plain));
  c.inputs = {shape(plain != Plain::a, ta ? k : m, ta ? m : k),
              shape(plain != Plain::b, tb ? n : k, tb ? k : n)};
  c.op = [=](const std::vector<Var>& v) { return matmul(v[0], v[1], transpose); };
  const int64_t batch = leading.numel();
  c.naive = [=](const std::vector<Values>& v) {
    Values y;
    for (int64_t e = 0; e < batch; ++e) {
      const int64_t a = plain == Plain::a ? 0 : e * m * k, b = plain == Plain::b ? 0 : e * k * n;
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (int64_t l = 0; l < k; ++l)
            sum += v[0][a + (ta ? l * m + i : i * k + l)] * v[1][b + (tb ? j * k + l : l * n + j)];
          y.push_back(sum);
        }
    }
    return y;
  };
  c.reduction = std::max<int64_t>(1, k);
  op_check(c);
}

}  // namespace

TEST_CASE("matmul: three kinds, sizes around the blocks", "[ops]") {
  for (const Transpose t : {Transpose::none, Transpose::a, Transpose::b}) {
    check_matmul(1, 1, 1, t);
    check_matmul(5, 7, 3, t);
    check_matmul(13, 257, 17, t);
    check_matmul(200, 3, 31, t);
    check_matmul(6, 16, 130, t);
    check_matmul(0, 4, 5, t);
  }
}

TEST_CASE("matmul: batches, and a plain matrix for all of them", "[ops]") {
  for (const Transpose t : {Transpose::none, Transpose::a, Transpose::b})
    for (const Plain plain : {Plain::neither, Plain::a, Plain::b}) {
      check_batch({1}, 1, 1, 1, t, plain);
      check_batch({3}, 5, 7, 2, t, plain);
      check_batch({2, 3}, 4, 1, 6, t, plain);
      check_batch({2, 1, 5}, 3, 17, 9, t, plain);
      check_batch({37}, 2, 3, 5, t, plain);
      check_batch({3}, 67, 61, 71, t, plain);   // larger than one thread takes whole
      check_batch({31}, 67, 61, 71, t, plain);  // and many of them
      check_batch({0}, 3, 4, 5, t, plain);
      check_batch({2}, 3, 0, 5, t, plain);
      check_batch({2}, 0, 4, 5, t, plain);
    }
}

TEST_CASE("matmul: a batch has the bits of its products one by one", "[ops]") {
  CpuContext ctx(3);
  Tape tape(&ctx, Tape::Mode::no_grad);
  const int64_t batch = 13, m = 33, k = 65, n = 17;
  OpCase c;
  c.inputs = {{batch, m, k}, {batch, k, n}};
  const Tensor a = Tensor::from(c.inputs[0], case_values(c, 0));
  const Tensor b = Tensor::from(c.inputs[1], case_values(c, 1));
  const Tensor y = matmul(tape.constant(a), tape.constant(b)).value();
  for (int64_t i = 0; i < batch; ++i) {
    const auto at = [&](const Tensor& t, int64_t rows, int64_t columns) {
      return t.rows(i, 1).reshaped({rows, columns});
    };
    const Var one = matmul(tape.constant(at(a, m, k)), tape.constant(at(b, k, n)));
    CHECK(same_bits(one.value(), at(y, m, n)));
  }
}

TEST_CASE("matmul: a batch in bf16 has the same bits on any number of threads", "[ops][bf16]") {
  if (!why_no_bf16().empty()) WEFT_SKIP(why_no_bf16());
  OpCase c;
  c.inputs = {{16, 64, 33}, {16, 33, 48}};
  const auto product = [&](int threads, MatrixMath math) {
    CpuContext ctx(threads, math);
    Tape tape(&ctx, Tape::Mode::no_grad);
    const Var a = tape.constant(Tensor::from(c.inputs[0], case_values(c, 0)));
    return matmul(a, tape.constant(Tensor::from(c.inputs[1], case_values(c, 1)))).value();
  };
  const Tensor one = product(1, MatrixMath::bf16);
  for (const int threads : {2, 5, 16}) CHECK(same_bits(one, product(threads, MatrixMath::bf16)));
  CHECK_FALSE(same_bits(one, product(1, MatrixMath::f32)));
}

TEST_CASE("matmul: shape errors", "[ops]") {
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
  check_shape_error(
      [&] {
        matmul(var({3}), var({3, 2}));
      },
      "matmul: operands must be [.., rows, columns], got [3] x [3, 2]");
  for (const Shape& b : {Shape{3, 3, 4}, Shape{1, 3, 4}, Shape{5, 2, 3, 4}})
    check_shape_error(
        [&] {
          matmul(var({2, 2, 3}), var(b));
        },
        fmt::format("matmul: leading axes must be equal, or one operand a plain "
                    "matrix: [2, 2, 3] x {}",
                    b));
}

}  // namespace weft
