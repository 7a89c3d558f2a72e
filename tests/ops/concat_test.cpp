// concat and slice: along every axis, empty parts, and bytes that are shared instead of copied.
#include "ops/concat.h"
#include "ops/pointwise.h"
#include "ops/slice.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

/// Elements of `whole` from index `begin` of the axis, as many as `part` has; f(part_at, whole_at).
template <class F>
void naive_part(const Shape& part, const Shape& whole, int axis, int64_t begin, F f) {
  for (int64_t o = 0; o < part.outer(axis); ++o)
    for (int64_t k = 0; k < part[axis]; ++k)
      for (int64_t i = 0; i < part.inner(axis + 1); ++i)
        f((o * part[axis] + k) * part.inner(axis + 1) + i,
          (o * whole[axis] + begin + k) * whole.inner(axis + 1) + i);
}

}  // namespace

TEST_CASE("concat: along every axis", "[ops]") {
  struct Parts {
    std::vector<Shape> shapes;
    int axis;
  };
  const std::vector<Parts> cases = {
      {{{2, 3}}, 0},
      {{{2, 3}, {1, 3}, {4, 3}}, 0},
      {{{2, 3}, {2, 1}, {2, 4}}, 1},
      {{{2, 3, 5, 4}, {2, 3, 5, 7}}, -1},  // channels
      {{{2, 3, 5, 4}, {2, 1, 5, 4}}, 1},
      {{{2, 0, 3}, {2, 2, 3}}, 1},  // an empty part
      {{{0, 3}, {0, 3}}, 0},
      {{{2, pointwise_chunk - 1}, {2, pointwise_chunk + 1}}, 1},
      {{{pointwise_chunk + 1, 1}, {pointwise_chunk + 1, 1}}, 1},
  };
  for (const auto& [shapes, axis] : cases) {
    const int at = axis < 0 ? axis + shapes[0].rank() : axis;
    Shape whole = shapes[0];
    int64_t total = 0;
    for (const Shape& s : shapes) total += s[at];
    whole.set(at, total);
    op_check({.name = fmt::format("concat {} along {}", fmt::join(shapes, " "), axis),
              .inputs = shapes,
              .op = [axis = axis](const auto& x) { return concat(x, axis); },
              .naive =
                  [=, shapes = shapes](const auto& in) {
                    Values y(static_cast<size_t>(whole.numel()));
                    int64_t begin = 0;
                    for (size_t i = 0; i < in.size(); ++i) {
                      naive_part(shapes[i], whole, at, begin,
                                 [&](int64_t from, int64_t to) { y[to] = in[i][from]; });
                      begin += shapes[i][at];
                    }
                    return y;
                  }});
  }
}

TEST_CASE("slice: along every axis", "[ops]") {
  struct Part {
    Shape shape;
    int axis;
    int64_t begin, count;
  };
  const std::vector<Part> cases = {
      {{5, 3}, 0, 1, 3},       {{5, 3}, 0, 0, 5},
      {{5, 3}, 1, 1, 2},       {{5, 3}, -1, 0, 1},
      {{5, 3}, 1, 2, 0},       {{2, 3, 5, 4}, 2, 3, 2},
      {{2, 3, 5, 4}, 3, 1, 2}, {{0, 3}, 1, 0, 2},
      {{3, 7}, 0, 3, 0},       {{3, 2 * pointwise_chunk}, 1, 5, pointwise_chunk + 1},
  };
  for (const auto& [shape, axis, begin, count] : cases) {
    const int at = axis < 0 ? axis + shape.rank() : axis;
    Shape part = shape;
    part.set(at, count);
    op_check({.name = fmt::format("slice {} axis {} from {}, {}", shape, axis, begin, count),
              .inputs = {shape},
              .op = [axis = axis, begin = begin,
                     count = count](const auto& x) { return slice(x[0], axis, begin, count); },
              .naive =
                  [=, shape = shape, begin = begin](const auto& in) {
                    Values y(static_cast<size_t>(part.numel()));
                    naive_part(part, shape, at, begin,
                               [&](int64_t to, int64_t from) { y[to] = in[0][from]; });
                    return y;
                  }});
  }
}

TEST_CASE("concat and slice: taking apart what was put together", "[ops]") {
  op_check({.name = "three parts, added up",
            .inputs = {{2, 5}, {2, 5}, {2, 5}},
            .op =
                [](const auto& x) {
                  const Var all = concat(x, 0);
                  const Var ends = add(slice(all, 0, 0, 2), slice(all, 0, 4, 2));
                  return mul(ends, slice(all, 0, 2, 2));
                },
            .naive =
                [](const auto& in) {
                  Values y;
                  for (size_t i = 0; i < 10; ++i) y.push_back((in[0][i] + in[2][i]) * in[1][i]);
                  return y;
                }});
}

TEST_CASE("slice: rows of a gradient that is shared with another value", "[ops]") {
  op_check({.name = "x + y and rows of x",
            .inputs = {{3, 2}, {3, 2}},
            .op =
                [](const auto& in) {
                  const Var rows = slice(in[0], 0, 1, 1);
                  return add(add(in[0], in[1]), rows);  // passes one gradient to both
                },
            .naive =
                [](const auto& in) {
                  Values y;
                  for (size_t i = 0; i < 6; ++i)
                    y.push_back(in[0][i] + in[1][i] + in[0][2 + i % 2]);
                  return y;
                }});
}

TEST_CASE("slice: rows share the bytes", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({4, 3}, Values(12)));
  const Var y = slice(x, 0, 2, 2);
  CHECK(y.value().raw() == x.value().data<float>() + 6);
}

TEST_CASE("concat and slice: shape errors", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2, 3}, Values(6)));
  const Var y = tape.leaf(Tensor::from({3, 3}, Values(9)));
  const Var flat = tape.leaf(Tensor::from({6}, Values(6)));
  const Var wide = tape.leaf(Tensor::from({2, 3}, Values(6), DType::f64));
  check_shape_error(
      [&] {
        concat({x, y}, 1);
      },
      "concat: input 1 f32 [3, 3] does not fit input 0 f32 [2, 3] beside axis 1");
  check_shape_error([&] { concat({x, flat}, 0); }, "concat: input 1 f32 [6] does not fit");
  check_shape_error([&] { concat({x, wide}, 0); }, "concat: input 1 f64 [2, 3]");
  check_shape_error([&] { concat({x, y}, 2); }, "concat: axis 2 is outside of input 0 [2, 3]");
  check_shape_error([&] { concat({}, 0); }, "concat: no inputs");
  check_shape_error([&] { slice(x, 1, 2, 2); },
                    "slice: indices 2 .. 3 of axis 1 are outside of x [2, 3]");
  check_shape_error([&] { slice(x, -3, 0, 1); }, "slice: axis -3 is outside of x [2, 3]");
}

}  // namespace weft
