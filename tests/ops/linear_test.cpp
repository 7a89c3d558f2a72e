// linear against the plainest loops, with and without bias, and the text of its shape errors.
#include "ops/linear.h"

#include "tests/support/op_check.h"

namespace weft {
namespace {

void check_linear(const std::string& name, const Shape& x, int64_t out, bool bias) {
  OpCase c;
  c.name = name;
  const int64_t in = x.back();
  c.inputs = {x, {out, in}};
  if (bias) c.inputs.push_back({out});
  c.op = [](const std::vector<Var>& v) {
    return v.size() > 2 ? linear(v[0], v[1], v[2]) : linear(v[0], v[1]);
  };
  c.naive = [=](const std::vector<Values>& v) {
    Values y;
    for (int64_t row = 0; row < x.outer(x.rank() - 1); ++row)
      for (int64_t o = 0; o < out; ++o) {
        double sum = v.size() > 2 ? v[2][o] : 0;
        for (int64_t i = 0; i < in; ++i) sum += v[0][row * in + i] * v[1][o * in + i];
        y.push_back(sum);
      }
    return y;
  };
  c.reduction = in;
  op_check(c);
}

}  // namespace

TEST_CASE("linear: sizes around the blocks", "[ops]") {
  check_linear("one", {1, 1}, 1, true);
  check_linear("vector", {7}, 3, true);
  check_linear("matrix", {5, 11}, 17, false);
  check_linear("sequence", {2, 3, 13}, 19, true);
  check_linear("empty", {0, 13}, 19, true);
  check_linear("long rows", {7, 515}, 33, true);
  check_linear("many rows", {600, 5}, 4, true);
  check_linear("a head's", {338, 64}, 40, true);
}

TEST_CASE("linear: few outputs, which a GPU multiplies by kernels of its own", "[ops][narrow]") {
  for (const int64_t out : {1, 2, 3, 5, 7, 8}) {
    check_linear(fmt::format("vectors to {}", out), {33, 24}, out, true);
    check_linear(fmt::format("one by one to {}", out), {5, 7, 13}, out, false);
  }
  check_linear("a head's normals", {65, 1024}, 3, true);
  check_linear("odd rows and channels", {67, 515}, 3, true);
  check_linear("chunks of rows", {2051, 2}, 3, true);
  check_linear("empty", {0, 13}, 3, true);
}

TEST_CASE("linear: shape errors", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto var = [&](const Shape& shape) {
    return tape.constant(Tensor::from(shape, Values(shape.numel(), 0.0)));
  };
  check_shape_error(
      [&] {
        linear(var({2, 3}), var({4, 5}));
      },
      "linear: needs input [.., I] and weight [O, I]: input [2, 3], weight [4, 5]");
  check_shape_error([&] { linear(var({2, 3}), var({4, 3}), var({3})); }, "bias must be [4]");
}

}  // namespace weft
