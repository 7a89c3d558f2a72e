// top_k and max_over: falling order, ties, NaN, gradients at the chosen places alone, all axes.
#include "ops/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/cast.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The k largest of every column of x as [outer, n, inner], by a stable sort of all.
Values naive_top_k(const Shape& shape, int axis, int64_t k, const Values& x) {
  const int64_t n = shape[axis], outer = shape.outer(axis), inner = shape.inner(axis + 1);
  Values y(static_cast<size_t>(outer * k * inner));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t c = 0; c < inner; ++c) {
      Values column;
      for (int64_t i = 0; i < n; ++i) column.push_back(x[(o * n + i) * inner + c]);
      std::stable_sort(column.begin(), column.end(), std::greater<>());
      for (int64_t i = 0; i < k; ++i) y[(o * k + i) * inner + c] = column[i];
    }
  return y;
}

/// Every value another one, in a shuffled order: no step of a difference changes an order.
Values distinct(int64_t n) {
  Values v(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) v[i] = static_cast<double>(i * 7919 % n) / 64 - 8;
  return v;
}

struct Found {
  Values y, indices, gradient;
};

Found find(const Shape& shape, const Values& x, int axis, int64_t k) {
  Tape tape(test_device());
  const Var in = tape.leaf(on_tape(tape, Tensor::from(shape, x)));
  Tensor indices;
  const Var y = top_k(in, axis, k, &indices);
  CHECK(indices.dtype() == DType::i32);
  CHECK(indices.shape() == y.shape());
  Values seed(static_cast<size_t>(y.value().numel()));
  std::iota(seed.begin(), seed.end(), 1.0);
  tape.backward(y, on_tape(tape, Tensor::from(y.shape(), seed)));
  return {from_tape(tape, y.value()).to_vector(), from_tape(tape, indices).to_vector(),
          from_tape(tape, tape.grad(in)).to_vector()};
}

}  // namespace

TEST_CASE("top_k: along every axis", "[ops]") {
  struct Case {
    Shape x;
    int axis;
    int64_t k;
  };
  for (const auto& [shape, axis, k] : std::vector<Case>{{{1}, 0, 1},
                                                        {{7}, 0, 3},
                                                        {{7}, -1, 7},
                                                        {{5, 3}, 0, 2},
                                                        {{2, 3, 5, 19}, -1, 5},
                                                        {{2, 13, 3, 5}, 1, 4},
                                                        {{3, 1025}, 0, 2},
                                                        {{2, 4, 1023}, 1, 3},
                                                        {{0, 3}, 1, 2},
                                                        {{3, 0}, 0, 2},
                                                        {{3, 1031}, 1, 17},
                                                        {{4099, 2}, 1, 2},
                                                        {{2, 257, 33}, 1, 2},
                                                        {{pointwise_chunk + 1}, 0, 3}}) {
    const int at = axis < 0 ? axis + shape.rank() : axis;
    op_check(
        {.name = fmt::format("top_k {} axis {} k {}", shape, axis, k),
         .inputs = {shape},
         .op = [axis = axis, k = k](const auto& x) { return top_k(x[0], axis, k); },
         .naive = [s = shape, at, k = k](const auto& in) { return naive_top_k(s, at, k, in[0]); },
         .values = {distinct(shape.numel())}});
  }
}

TEST_CASE("max_over: along every axis", "[ops]") {
  struct Case {
    Shape x;
    int axis;
  };
  for (const auto& [shape, axis] : std::vector<Case>{{{1}, 0},
                                                     {{5, 3}, 0},
                                                     {{5, 3}, 1},
                                                     {{2, 3, 5, 19}, -1},
                                                     {{2, 13, 3, 5}, 1},
                                                     {{3, 1025}, 0},
                                                     {{2, 4, 1023}, 1},
                                                     {{0, 3}, 1},
                                                     {{4097, 2}, 1},
                                                     {{2, 257, 33}, 1},
                                                     {{pointwise_chunk - 1}, 0},
                                                     {{3, pointwise_chunk + 1}, 1}}) {
    const int at = axis < 0 ? axis + shape.rank() : axis;
    op_check({.name = fmt::format("max_over {} axis {}", shape, axis),
              .inputs = {shape},
              .op =
                  [axis = axis, at](const auto& x) {
                    const Var y = max_over(x[0], axis);
                    CHECK(y.shape()[at] == 1);
                    return y;
                  },
              .naive = [s = shape, at](const auto& in) { return naive_top_k(s, at, 1, in[0]); },
              .values = {distinct(shape.numel())}});
  }
}

TEST_CASE("top_k: ties go to the lower index, and gradients to the chosen alone", "[ops]") {
  const Found all = find({6}, {2, 5, -0.0, 5, 0, 2}, 0, 6);
  CHECK(all.y == Values{5, 5, 2, 2, 0, 0});
  CHECK(all.indices == Values{1, 3, 0, 5, 2, 4});
  CHECK(all.gradient == Values{3, 1, 5, 2, 6, 4});
  const Found columns = find({3, 2}, {1, 4, 1, 9, 0, 9}, 0, 2);
  CHECK(columns.y == Values{1, 9, 1, 9});
  CHECK(columns.indices == Values{0, 1, 1, 2});
  CHECK(columns.gradient == Values{1, 0, 3, 2, 0, 4});
  for (int64_t n : {31, 256, 257, 2047}) {
    const Found equal = find({n}, Values(static_cast<size_t>(n), 1.0), 0, 3);
    CHECK(equal.indices == Values{0, 1, 2});
  }
}

TEST_CASE("top_k: NaN is larger than every number, infinities are numbers", "[ops][nan]") {
  const Found found = find({6}, {infinity, nan_value, 3, -infinity, nan_value, 4}, 0, 6);
  CHECK(std::isnan(found.y[0]));
  CHECK(std::isnan(found.y[1]));
  CHECK(Values(found.y.begin() + 2, found.y.end()) == Values{infinity, 4, 3, -infinity});
  CHECK(found.indices == Values{1, 4, 0, 5, 2, 3});
  CHECK(found.gradient == Values{3, 1, 5, 6, 2, 4});
  for (size_t at = 0; at < 4; ++at) {
    Values x{1, 2, 3, 4};
    x[at] = nan_value;
    const Found top = find({4}, x, 0, 1);
    CHECK(std::isnan(top.y[0]));
    CHECK(top.indices == Values{static_cast<double>(at)});
  }
  const Found lowest = find({3}, Values(3, -infinity), 0, 2);
  CHECK(lowest.y == Values(2, -infinity));
  CHECK(lowest.indices == Values{0, 1});
}

TEST_CASE("top_k: in bf16 on the GPU", "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  Tape tape(cuda_device());
  const Var x = tape.leaf(on_tape(tape, Tensor::from({2, 4}, {1, 3, 2, 3, -1, -4, -2, -3})));
  Tensor indices;
  const Var y = cast(top_k(cast(x, DType::bf16), 1, 2, &indices), DType::f32);
  CHECK(from_tape(tape, y.value()).to_vector() == Values{3, 3, -1, -2});
  CHECK(from_tape(tape, indices).to_vector() == Values{1, 3, 0, 2});
  tape.backward(y, on_tape(tape, Tensor::from({2, 2}, {1, 2, 3, 4})));
  CHECK(from_tape(tape, tape.grad(x)).to_vector() == Values{0, 1, 0, 2, 3, 0, 4, 0});
}

TEST_CASE("top_k: what it refuses", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2, 3}, Values(6, 1.0)));
  check_shape_error([&] { top_k(x, 2, 1); }, "top_k: axis 2 is outside of x [2, 3]");
  check_shape_error([&] { max_over(x, -3); }, "max_over: axis -3 is outside of x [2, 3]");
  check_shape_error([&] { top_k(x, 1, 4); },
                    "top_k: the largest 4 of 3 along axis 1 of x [2, 3]: needs 1 <= k <= 3");
  check_shape_error([&] { top_k(x, 0, 0); }, "the largest 0 of 2 along axis 0");
  const Var none = tape.leaf(Tensor::from({2, 0}, {}));
  check_shape_error([&] { max_over(none, 1); }, "max_over: the largest 1 of 0 along axis 1");
  CHECK(tape.size() == 2);  // the two leaves
}

}  // namespace weft
