// layer_norm and group_norm: rows and groups on both sides of a lane and of a chunk, gradients of
// all three inputs, values far from zero, NaN, and what they refuse.
#include <cmath>
#include <limits>

#include "ops/layer_norm.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

constexpr double eps = 1e-5;

/// x as [samples, pixels, channels] in `groups` groups.
Values naive(int64_t samples, int64_t groups, const std::vector<Values>& in) {
  const Values& x = in[0];
  const auto channels = static_cast<int64_t>(in[1].size()), width = channels / groups;
  const int64_t pixels = x.empty() ? 0 : static_cast<int64_t>(x.size()) / (samples * channels);
  Values y(x.size());
  for (int64_t s = 0; s < samples; ++s)
    for (int64_t g = 0; g < groups; ++g) {
      const auto over = [&](auto&& f) {
        for (int64_t p = 0; p < pixels; ++p)
          for (int64_t c = g * width; c < (g + 1) * width; ++c)
            f(static_cast<size_t>((s * pixels + p) * channels + c), static_cast<size_t>(c));
      };
      const double n = static_cast<double>(pixels * width);
      double mean = 0, var = 0;
      over([&](size_t i, size_t) { mean += x[i] / n; });
      over([&](size_t i, size_t) { var += (x[i] - mean) * (x[i] - mean) / n; });
      over([&](size_t i, size_t c) {
        y[i] = in[1][c] * (x[i] - mean) / std::sqrt(var + eps) + in[2][c];
      });
    }
  return y;
}

/// groups = 0: layer norm.
OpCase norm_case(const Shape& shape, int64_t groups) {
  const int64_t samples = groups == 0 ? shape.outer(shape.rank() - 1) : shape[0];
  const int64_t parts = std::max<int64_t>(1, samples * std::max<int64_t>(1, groups));
  const int64_t together = std::max<int64_t>(1, shape.numel() / parts);
  return {.name = fmt::format("{} {} groups {}", groups == 0 ? "layer_norm" : "group_norm", shape,
                              groups),
          .inputs = {shape, {shape.back()}, {shape.back()}},
          .op =
              [=](const auto& v) {
                return groups == 0 ? layer_norm(v[0], v[1], v[2], eps)
                                   : group_norm(v[0], v[1], v[2], groups, eps);
              },
          .naive = [=](const auto& in) { return naive(samples, std::max<int64_t>(1, groups), in); },
          .low = 0.3,
          .high = 2.3,
          .reduction = together,
          // Two values become +1 and -1 whatever they were: dx is rounding, nearly.
          .f32_slack = together <= 3 ? 10000.0 : 8.0};
}

}  // namespace

TEST_CASE("layer_norm: rows on both sides of lanes and chunks", "[ops]") {
  for (const Shape& shape :
       std::vector<Shape>{{1},       {7},        {3, 1},    {5, 2},    {17, 8},   {2, 3, 5, 13},
                          {4, 16},   {127, 5},   {128, 4},  {129, 3},  {257, 31}, {3, 64},
                          {2, 1009}, {2, 2047},  {2, 2049}, {2, 4096}, {1, 4097}, {2, 8192},
                          {1, 8196}, {1, 16388}, {0, 3},    {3, 0}})
    op_check(norm_case(shape, 0));
}

TEST_CASE("group_norm: groups, pictures and pixels", "[ops]") {
  const auto check = [](const Shape& shape, std::initializer_list<int64_t> all_groups) {
    for (const int64_t groups : all_groups) op_check(norm_case(shape, groups));
  };
  check({3, 1}, {1});
  check({5, 12}, {1, 3, 4, 12});
  check({2, 3, 5, 6}, {1, 2, 3, 6});
  check({2, 7, 24}, {2, 3});
  check({3, 5, 7, 32}, {1, 2, 8});
  check({2, 3, 2, 2, 40}, {5});
  check({2, 255, 4}, {1, 2});
  check({1, 257, 4}, {1, 4});
  check({1, 2047, 3}, {3});
  check({1, 2049, 3}, {3});
  check({2, 47, 53, 8}, {1, 2, 4});
  check({1, 90, 93, 32}, {2});
  check({0, 4, 4}, {2});
  check({2, 0, 4}, {2});
  check({2, 3, 0}, {1});
}

TEST_CASE("group_norm: every row with one group is layer_norm, bit for bit", "[ops]") {
  Tape tape(test_device(), Tape::Mode::no_grad);
  const OpCase c = norm_case({37, 24}, 0);
  std::vector<Var> in;
  for (size_t i = 0; i < 3; ++i)
    in.push_back(tape.constant(on_tape(tape, Tensor::from(c.inputs[i], case_values(c, i)))));
  CHECK(same_bits(from_tape(tape, layer_norm(in[0], in[1], in[2]).value()),
                  from_tape(tape, group_norm(in[0], in[1], in[2], 1).value())));
}

TEST_CASE("layer_norm and group_norm: f32 far from zero, constants and NaN", "[ops][nan]") {
  Tape tape(test_device(), Tape::Mode::no_grad);
  const auto full = [&](int64_t n, double value) {
    return tape.constant(on_tape(tape, Tensor::from({n}, Values(static_cast<size_t>(n), value))));
  };
  const auto value = [&](const Var& y) { return from_tape(tape, y.value()).to_vector(); };
  Values x;
  for (int i = 0; i < 20000; ++i)
    x.push_back(static_cast<double>(static_cast<float>(1000 + std::sin(i))));
  const Values want = naive(1, 1, {x, Values(x.size(), 1.0), Values(x.size(), 0.0)});
  const int64_t n = static_cast<int64_t>(x.size());
  const Var row = tape.constant(on_tape(tape, Tensor::from({1, n}, x)));
  const Var picture = tape.constant(on_tape(tape, Tensor::from({1, n / 4, 4}, x)));
  for (const Values& got : {value(layer_norm(row, full(n, 1), full(n, 0))),
                            value(group_norm(picture, full(4, 1), full(4, 0), 1))}) {
    double worst = 0;
    for (size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
    CHECK(worst < 1e-3);  // x itself has steps of 6e-5
  }
  CHECK(value(layer_norm(full(5, 3), full(5, 2), full(5, 0.25))) == Values(5, 0.25));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Values y = value(layer_norm(
      tape.constant(on_tape(tape, Tensor::from({2, 2}, {1, nan, 1, 3}))), full(2, 1), full(2, 0)));
  CHECK((std::isnan(y[0]) && std::isnan(y[1])));
  CHECK((std::abs(y[2] + 1) < 1e-4 && std::abs(y[3] - 1) < 1e-4));
}

TEST_CASE("layer_norm and group_norm: what they refuse", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto var = [&](const Shape& s, DType dtype = DType::f32) {
    return tape.leaf(Tensor::from(s, Values(static_cast<size_t>(s.numel()), 1.0), dtype));
  };
  const Var c3 = var({3}), c6 = var({6});
  check_shape_error([&] { layer_norm(var({}), c3, c3); },
                    "layer_norm: x needs a last axis, got []");
  check_shape_error(
      [&] {
        layer_norm(var({2, 3}), c6, c3);
      },
      "layer_norm: gamma is f32 [6], x f32 [2, 3] needs f32 [3]");
  check_shape_error(
      [&] {
        layer_norm(var({2, 3}), c3, var({3}, DType::f64));
      },
      "layer_norm: beta is f64 [3], x f32 [2, 3] needs f32 [3]");
  check_shape_error([&] { group_norm(c3, c3, c3, 1); },
                    "group_norm: x must be [N, .., C], got [3]");
  for (const int64_t groups : {0, -2, 4})
    check_shape_error(
        [&] {
          group_norm(var({2, 6}), c6, c6, groups);
        },
        fmt::format("group_norm: the channels of x [2, 6] do not divide into {} "
                    "equal groups",
                    groups));
}

}  // namespace weft
