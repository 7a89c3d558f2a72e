// weighted_sum: one to five maps, by gate's kernels two at a time and beyond; a map of weight 0 is
// not read; weights that are constants, and maps that are.
#include "ops/weighted_sum.h"

#include <limits>

#include "tests/support/op_check.h"

namespace weft {
namespace {

OpCase sum_case(size_t maps, const Shape& shape) {
  OpCase c{.name = fmt::format("weighted_sum of {} maps {}", maps, shape),
           .inputs = std::vector<Shape>(maps, shape),
           .op =
               [](const auto& in) {
                 return weighted_sum({in.begin(), in.end() - 1}, in.back());
               },
           .naive =
               [](const auto& in) {
                 Values y(in[0].size());
                 for (size_t j = 0; j + 1 < in.size(); ++j)
                   for (size_t i = 0; i < y.size(); ++i) y[i] += in.back()[j] * in[j][i];
                 return y;
               },
           .reduction = static_cast<int64_t>(maps)};
  c.inputs.push_back({static_cast<int64_t>(maps)});
  return c;
}

}  // namespace

TEST_CASE("weighted_sum: any number of maps", "[ops]") {
  for (const size_t maps : {1, 2, 3, 4, 5}) op_check(sum_case(maps, {2, 3, 5, 7}));
  op_check(sum_case(3, {1}));
  op_check(sum_case(2, {0, 4}));
  for (const int64_t n : {pointwise_chunk - 1, pointwise_chunk, pointwise_chunk + 1})
    op_check(sum_case(3, {n}));
}

TEST_CASE("weighted_sum: constants among maps and weights", "[ops]") {
  OpCase c = sum_case(3, {4, 5});
  c.differentiable = {true, false, true, true};
  op_check(c);
  c.differentiable = {false, true, false, false};
  op_check(c);
}

TEST_CASE("weighted_sum: a map of weight 0 is not read", "[ops]") {
  Tape tape(test_device());
  const Var good = tape.leaf(on_tape(tape, Tensor::from({3}, {1, -2, 3})));
  const Var bad = tape.leaf(
      on_tape(tape, Tensor::from({3}, Values(3, std::numeric_limits<double>::infinity()))));
  const Var a = tape.constant(on_tape(tape, Tensor::from({3}, {0.5, 0, 2})));
  const Var y = weighted_sum({good, bad, good}, a);
  CHECK(from_tape(tape, y.value()).to_vector() == Values{2.5, -5, 7.5});
}

TEST_CASE("weighted_sum: shape errors", "[ops]") {
  Tape tape(test_device());
  const auto zeros = [&](const Shape& shape) {
    return tape.constant(on_tape(tape, Tensor::from(shape, Values(shape.numel(), 0))));
  };
  check_shape_error([&] { weighted_sum({}, zeros({0})); }, "needs at least one map");
  check_shape_error([&] { weighted_sum({zeros({2, 3}), zeros({3, 2})}, zeros({2})); }, "differ");
  check_shape_error(
      [&] {
        weighted_sum({zeros({2}), zeros({2})}, zeros({3}));
      },
      "2 maps take weights f32 [2], not f32 [3]");
}

}  // namespace weft
