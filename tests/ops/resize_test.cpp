// resize: up, down and to odd sizes against the formula; PyTorch's numbers; shape errors.
#include <algorithm>
#include <cmath>

#include "ops/resize.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

/// The weight with which output index o reads input index i.
double weight(Interpolation mode, int64_t o, int64_t i, int64_t in, int64_t out) {
  if (mode == Interpolation::nearest)
    return std::floor(static_cast<double>(o * in) / static_cast<double>(out)) ==
           static_cast<double>(i);
  const double s = std::max(
      0.0,
      (static_cast<double>(o) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5);
  // A hat around i; beyond the last index the border repeats.
  return std::max(0.0,
                  1 - std::abs(std::min(s, static_cast<double>(in - 1)) - static_cast<double>(i)));
}

Values naive(Interpolation mode, const Shape& x, int64_t height, int64_t width, const Values& in) {
  Values y;
  for (int64_t n = 0; n < x[0]; ++n)
    for (int64_t oy = 0; oy < height; ++oy)
      for (int64_t ox = 0; ox < width; ++ox)
        for (int64_t c = 0; c < x[3]; ++c) {
          double sum = 0;
          for (int64_t iy = 0; iy < x[1]; ++iy)
            for (int64_t ix = 0; ix < x[2]; ++ix)
              sum += weight(mode, oy, iy, x[1], height) * weight(mode, ox, ix, x[2], width) *
                     in[((n * x[1] + iy) * x[2] + ix) * x[3] + c];
          y.push_back(sum);
        }
  return y;
}

}  // namespace

TEST_CASE("resize: up, down and odd sizes", "[ops]") {
  struct Size {
    Shape x;
    int64_t height, width;
  };
  const std::vector<Size> sizes = {
      {{1, 1, 1, 1}, 1, 1},  {{1, 1, 1, 3}, 4, 5},    {{2, 3, 5, 2}, 6, 10}, {{2, 3, 5, 2}, 24, 40},
      {{1, 7, 6, 3}, 11, 5}, {{2, 8, 12, 1}, 4, 3},   {{1, 13, 9, 4}, 5, 2}, {{1, 5, 5, 2}, 1, 1},
      {{0, 2, 2, 3}, 4, 4},  {{3, 4, 4, 17}, 32, 32}, {{1, 2, 3, 0}, 4, 4},
  };
  for (const auto& [x, height, width] : sizes)
    for (Interpolation mode : {Interpolation::nearest, Interpolation::bilinear}) {
      op_check({.name = fmt::format("resize {} to {} x {}, mode {}", x, height, width,
                                    static_cast<int>(mode)),
                .inputs = {x},
                .op = [=, height = height, width = width](
                          const auto& in) { return resize(in[0], height, width, mode); },
                .naive = [=, x = x, height = height, width = width](
                             const auto& in) { return naive(mode, x, height, width, in[0]); },
                .reduction = 4});
    }
}

TEST_CASE("resize: PyTorch's numbers", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.constant(Tensor::from({1, 1, 3, 1}, {1, 2, 4}, DType::f64));
  const auto at = [&](int64_t width, Interpolation mode) {
    return resize(x, 1, width, mode).value().to_vector();
  };
  CHECK(at(6, Interpolation::bilinear) == Values{1, 1.25, 1.75, 2.5, 3.5, 4});
  CHECK(at(2, Interpolation::bilinear) == Values{1.25, 3.5});
  CHECK(at(5, Interpolation::nearest) == Values{1, 1, 2, 2, 4});
  CHECK(at(2, Interpolation::nearest) == Values{1, 2});
  CHECK(resize(x, 1, 3, Interpolation::bilinear).value().raw() == x.value().raw());
}

TEST_CASE("resize: shape errors", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var flat = tape.leaf(Tensor::from({2, 3}, Values(6)));
  const Var x = tape.leaf(Tensor::from({1, 2, 3, 1}, Values(6)));
  check_shape_error([&] { resize(flat, 2, 2, Interpolation::nearest); },
                    "resize: x must be [N, H, W, C], it is [2, 3]");
  check_shape_error([&] { resize(x, 0, 2, Interpolation::nearest); },
                    "resize: x [1, 2, 3, 1] cannot become 0 x 2 pixels");
}

}  // namespace weft
