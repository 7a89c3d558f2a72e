// add_relu: sizes around bytes of bits, rows that are none, NaN, what is retained, errors.
#include <cmath>

#include "ops/add_relu.h"
#include "ops/reduce.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

OpCase add_relu_case(const Shape& shape) {
  Values x, r;  // x + r is at least 0.1 away from 0
  for (int64_t i = 0; i < shape.numel(); ++i) {
    x.push_back(static_cast<double>(i % 17) / 8 - 1);
    r.push_back((i % 3 == 0 ? 0.5 : -0.25) * static_cast<double>(i % 5 + 1) - x.back());
  }
  return {.name = fmt::format("add_relu {}", shape),
          .inputs = {shape, shape},
          .op = [](const auto& in) { return add_relu(in[0], in[1]); },
          .naive =
              [](const auto& in) {
                Values y;
                for (size_t i = 0; i < in[0].size(); ++i)
                  y.push_back(std::max(in[0][i] + in[1][i], 0.0));
                return y;
              },
          .values = {x, r}};
}

}  // namespace

TEST_CASE("add_relu: rows of whole bytes, and rows that end inside one", "[ops]") {
  for (const Shape& shape : std::vector<Shape>{{0},
                                               {1},
                                               {61},
                                               {0, 8},
                                               {2, 0},
                                               {3, 8},
                                               {4, 7},
                                               {2, 9},
                                               {2, 3, 3, 5},
                                               {3, 2, 2, 6},
                                               {2, 1, 5, 64},
                                               {5, pointwise_chunk / 4},
                                               {3, pointwise_chunk + 1}})
    op_check(add_relu_case(shape));
}

TEST_CASE("add_relu: a NaN stays one, and gets no gradient", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({3}, {std::nan(""), 2, -1}, DType::f64));
  const Var r = tape.leaf(Tensor::from({3}, {1, 1, 1}, DType::f64));
  const Var y = add_relu(x, r);
  const Values out = y.value().to_vector();
  CHECK(std::isnan(out[0]));
  CHECK(Values(out.begin() + 1, out.end()) == Values{3, 0});
  tape.backward(sum(y));
  CHECK(tape.grad(x).to_vector() == Values{0, 1, 0});  // 0 exactly is the kink: no gradient
  CHECK(tape.grad(r).to_vector() == Values{0, 1, 0});
}

TEST_CASE("add_relu: one bit an element is retained, and nothing where nothing is recorded",
          "[ops]") {
  CpuContext ctx(1);
  const Shape shape{4, 1 << 14};
  const size_t map = static_cast<size_t>(shape.numel()) * sizeof(float);
  const Tensor x = Tensor::zeros(shape), r = Tensor::zeros(shape);
  for (const auto mode : {Tape::Mode::train, Tape::Mode::no_grad}) {
    Tape tape(&ctx, mode);
    const Var a = tape.leaf(x), b = tape.leaf(r);
    const size_t before = host_memory().counters().live_bytes;
    add_relu(a, b);
    CHECK(host_memory().counters().live_bytes - before ==
          (mode == Tape::Mode::train ? map / 32 : 0));
  }
}

TEST_CASE("add_relu: errors name both operands", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::zeros({2, 3})), row = tape.leaf(Tensor::zeros({3}));
  const Var wide = tape.leaf(Tensor::zeros({2, 3}, DType::f64));
  check_shape_error([&] { add_relu(x, row); }, "add_relu: x [2, 3] and r [3] differ in shape");
  check_shape_error([&] { add_relu(x, wide); },
                    "add_relu: operands differ in type: x f32 [2, 3], r f64 [2, 3]");
}

}  // namespace weft
