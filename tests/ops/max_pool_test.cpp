// max_pool: PyTorch's window rule, ties, NaN, and gradients that reach exactly the chosen pixels.
#include <cmath>
#include <limits>

#include "ops/max_pool.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

Values naive_max(const Shape& x, const PoolOptions& o, const Values& in) {
  const Shape y = pooled_shape("max_pool", x, o, SourceLoc::here());
  Values out;
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t i = 0; i < y[1]; ++i)
      for (int64_t j = 0; j < y[2]; ++j)
        for (int64_t c = 0; c < y[3]; ++c) {
          double best = -std::numeric_limits<double>::infinity();
          for (int64_t r = 0; r < o.kernel; ++r)
            for (int64_t t = 0; t < o.kernel; ++t) {
              const int64_t h = i * o.stride - o.padding + r, w = j * o.stride - o.padding + t;
              if (h < 0 || w < 0 || h >= x[1] || w >= x[2]) continue;
              best = std::max(best, in[((n * x[1] + h) * x[2] + w) * x[3] + c]);
            }
          out.push_back(best);
        }
  return out;
}

/// Every value another one, in a shuffled order: no step of a difference changes a maximum.
Values distinct(int64_t n) {
  Values v(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) v[i] = static_cast<double>(i * 7919 % n) / 64 - 8;
  return v;
}

}  // namespace

TEST_CASE("max_pool: windows of every kind", "[ops]") {
  struct Case {
    Shape x;
    PoolOptions options;
  };
  for (const auto& [shape, options] : std::vector<Case>{{{2, 6, 8, 3}, {2, 2}},
                                                        {{1, 7, 9, 5}, {3, 2, 1}},
                                                        {{2, 8, 8, 3}, {3, 2, 1, true}},
                                                        {{1, 7, 8, 65}, {3, 2, 1, true}},
                                                        {{1, 5, 5, 63}, {3, 2, 0, true}},
                                                        {{1, 4, 4, 2}, {3, 1, 1}},
                                                        {{1, 9, 7, 2}, {2, 3, 0}},
                                                        {{1, 9, 7, 2}, {2, 3, 1, true}},
                                                        {{3, 1, 1, 1}, {1, 1}},
                                                        {{0, 4, 4, 3}, {2, 2}},
                                                        {{1, 13, 37, 67}, {3, 2, 1}},
                                                        {{2, 9, 11, 16}, {3, 2, 1}},
                                                        {{1, 5, 7, 12}, {3, 2, 1, true}},
                                                        {{1, 3, 300, 8}, {2, 2}}})
    op_check({.name = fmt::format("max_pool {} k{} s{} p{} ceil {}", shape, options.kernel,
                                  options.stride, options.padding, options.ceil_mode),
              .inputs = {shape},
              .op = [o = options](const auto& x) { return max_pool(x[0], o); },
              .naive = [s = shape, o = options](const auto& in) { return naive_max(s, o, in[0]); },
              .values = {distinct(shape.numel())}});
}

TEST_CASE("max_pool: extents as PyTorch's", "[ops]") {
  const PoolOptions stem{3, 2, 1, true};
  CHECK(pooled_extent(112, stem) == 57);
  CHECK(pooled_extent(161, stem) == 81);
  CHECK(pooled_extent(112, {3, 2, 1, false}) == 56);
  CHECK(pooled_extent(4, {2, 3, 1, true}) == 2);  // a third window would start in right padding
  CHECK(pooled_extent(5, {2, 3, 1, true}) == 2);
}

TEST_CASE("max_pool: ties go to the first, NaN wins", "[ops]") {
  Tape tape(test_device());
  const Tensor values = Tensor::from({1, 2, 4, 1}, {1, 3, 5, 5, 3, 1, 5, 5});
  const Var x = tape.leaf(on_tape(tape, values));
  const Var y = max_pool(x, {2, 2});
  CHECK(from_tape(tape, y.value()).to_vector() == Values{3, 5});
  tape.backward(y, on_tape(tape, Tensor::from(y.shape(), {1, 2})));
  CHECK(from_tape(tape, tape.grad(x)).to_vector() == Values{0, 1, 2, 0, 0, 0, 0, 0});

  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto pooled = [&](Values v) {
    const Var in = tape.constant(on_tape(tape, Tensor::from({1, 2, 2, 1}, v)));
    return from_tape(tape, max_pool(in, {2, 2}).value()).item();
  };
  for (size_t i = 0; i < 4; ++i) {
    Values v(4, 1.0);
    v[i] = nan;
    CHECK(std::isnan(pooled(v)));
  }
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(pooled(Values(4, -inf)) == -inf);
}

TEST_CASE("max_pool: what it refuses", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto x = [&](const Shape& s) {
    return tape.constant(Tensor::from(s, Values(static_cast<size_t>(s.numel()), 1.0)));
  };
  check_shape_error([&] { max_pool(x({2, 3}), {}); }, "x must be [N, H, W, C], got [2, 3]");
  check_shape_error(
      [&] {
        max_pool(x({1, 2, 1, 3}), {3, 2});
      },
      "max_pool: x [1, 2, 1, 3] is smaller than a window of 3 with padding 0");
  check_shape_error(
      [&] {
        max_pool(x({1, 4, 4, 1}), {2, 2, 2});
      },
      "kernel 2, stride 2, padding 2: padding may be half the kernel at most");
  check_shape_error([&] { max_pool(x({1, 20, 20, 1}), {16, 2}); }, "kernel 16: at most 15");
}

}  // namespace weft
