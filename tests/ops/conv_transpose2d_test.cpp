// conv_transpose2d against the plainest loops: strides, paddings and output_padding, dilations,
// groups, single channels; that it undoes conv2d's sizes; and the text of its shape errors.
#include "ops/conv_transpose2d.h"

#include "tests/support/op_check.h"

namespace weft {
namespace {

Shape output(const Shape& x, const Shape& w, const ConvTranspose2dOptions& o) {
  return {x[0],
          (x[1] - 1) * o.stride.h - 2 * o.padding.h + o.dilation.h * (w[1] - 1) + 1 +
              o.output_padding.h,
          (x[2] - 1) * o.stride.w - 2 * o.padding.w + o.dilation.w * (w[2] - 1) + 1 +
              o.output_padding.w,
          w[3] * o.groups};
}

/// Every pixel of x puts its kernel into y.
Values naive(const Shape& x, const Shape& w, const ConvTranspose2dOptions& o,
             const std::vector<Values>& in) {
  const Shape y = output(x, w, o);
  Values out(static_cast<size_t>(y.numel()));
  const int64_t inputs = x[3] / o.groups, outputs = w[3];
  for (int64_t n = 0; n < x[0]; ++n)
    for (int64_t h = 0; h < x[1]; ++h)
      for (int64_t v = 0; v < x[2]; ++v)
        for (int64_t c = 0; c < x[3]; ++c)
          for (int64_t r = 0; r < w[1]; ++r)
            for (int64_t s = 0; s < w[2]; ++s) {
              const int64_t p = h * o.stride.h - o.padding.h + r * o.dilation.h;
              const int64_t q = v * o.stride.w - o.padding.w + s * o.dilation.w;
              if (p < 0 || p >= y[1] || q < 0 || q >= y[2]) continue;
              for (int64_t k = 0; k < outputs; ++k)
                out[((n * y[1] + p) * y[2] + q) * y[3] + c / inputs * outputs + k] +=
                    in[0][((n * x[1] + h) * x[2] + v) * x[3] + c] *
                    in[1][((c * w[1] + r) * w[2] + s) * outputs + k];
            }
  for (size_t i = 0; in.size() > 2 && i < out.size(); ++i) out[i] += in[2][i % in[2].size()];
  return out;
}

void check(const std::string& name, const Shape& x, const Shape& weight,
           const ConvTranspose2dOptions& options, bool bias = false) {
  OpCase c;
  c.name = name;
  c.inputs = {x, weight};
  if (bias) c.inputs.push_back({weight[3] * options.groups});
  c.op = [options](const std::vector<Var>& in) {
    return in.size() > 2 ? conv_transpose2d(in[0], in[1], in[2], options)
                         : conv_transpose2d(in[0], in[1], options);
  };
  c.naive = [=](const std::vector<Values>& in) { return naive(x, weight, options, in); };
  c.reduction = weight[0] * weight[1] * weight[2];
  op_check(c);
}

}  // namespace

TEST_CASE("conv_transpose2d: strides, paddings and what is added at the far end", "[ops]") {
  check("3x3", {2, 4, 5, 6}, {6, 3, 3, 7}, {.padding = 1});
  check("2x2 / 2", {2, 3, 4, 8}, {8, 2, 2, 5}, {.stride = 2}, true);
  check("3x3 / 2, one more", {2, 4, 3, 9}, {9, 3, 3, 4},
        {.stride = 2, .padding = 1, .output_padding = 1}, true);
  check("4x4 / 2", {1, 4, 5, 5}, {5, 4, 4, 3}, {.stride = 2, .padding = 1});
  check("1x1 / 3, holes", {1, 3, 4, 6}, {6, 1, 1, 5}, {.stride = 3, .output_padding = {2, 1}});
  check("1x1", {1, 5, 4, 11}, {11, 1, 1, 7}, {}, true);
  check("rows and columns differ", {1, 4, 3, 5}, {5, 2, 4, 6},
        {.stride = {1, 3}, .padding = {0, 2}, .output_padding = {0, 2}, .dilation = {2, 1}}, true);
  check("dilated", {1, 5, 4, 4}, {4, 3, 3, 6}, {.stride = 2, .padding = 2, .dilation = 2});
  check("one element", {1, 1, 1, 1}, {1, 1, 1, 1}, {});
  check("one pixel", {1, 1, 1, 5}, {5, 3, 3, 4}, {.padding = 1});
  check("few channels out", {1, 6, 5, 16}, {16, 4, 4, 3}, {.stride = 2, .padding = 1}, true);
  check("blocks", {1, 7, 6, 33}, {33, 3, 3, 64}, {.stride = 2, .padding = 1, .output_padding = 1});
  check("an empty batch", {0, 3, 3, 4}, {4, 2, 2, 5}, {.stride = 2}, true);
}

TEST_CASE("conv_transpose2d: groups, and every channel for itself", "[ops]") {
  check("two", {2, 4, 3, 6}, {6, 3, 3, 4}, {.stride = 2, .padding = 1, .groups = 2}, true);
  check("three", {1, 3, 4, 9}, {9, 2, 2, 5}, {.stride = 2, .groups = 3});
  check("depthwise", {2, 4, 5, 7}, {7, 4, 4, 1}, {.stride = 2, .padding = 1, .groups = 7}, true);
  check("two inputs for each output", {1, 4, 5, 6}, {6, 3, 3, 1}, {.padding = 1, .groups = 3});
}

TEST_CASE("conv_transpose2d: its output is what conv2d makes its input of", "[ops]") {
  CpuContext cpu(1);
  Tape tape(&cpu);
  for (const int64_t size : {7, 8}) {
    const Var image = tape.constant(Tensor::full({1, size, size, 3}, 1));
    const Var w = tape.constant(Tensor::full({5, 3, 3, 3}, 1));
    const Var y = conv2d(image, w, {.stride = 2, .padding = 1});
    REQUIRE(y.shape() == Shape{1, 4, 4, 5});
    CHECK(conv_transpose2d(y, w, {.stride = 2, .padding = 1, .output_padding = size - 7}).shape() ==
          image.shape());
  }
}

TEST_CASE("conv_transpose2d: shape errors", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto var = [&](const Shape& shape, DType dtype = DType::f32) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  const Var x = var({1, 5, 5, 4}), w = var({4, 3, 3, 2});
  check_shape_error(
      [&] {
        conv_transpose2d(x, var({2, 3, 3, 4}));
      },
      "conv_transpose2d: weight expects 2 input channels, input has 4: input "
      "[1, 5, 5, 4], weight [2, 3, 3, 4]");
  check_shape_error([&] { conv_transpose2d(x, var({4, 2})); }, "weight [C, R, S, K]");
  check_shape_error([&] { conv_transpose2d(x, w, var({3})); }, "bias must be [2]");
  check_shape_error([&] { conv_transpose2d(x, w, {.stride = 2, .output_padding = 2}); },
                    "output_padding must be at least 0 and less than stride");
  check_shape_error([&] { conv_transpose2d(x, w, {.output_padding = -1}); }, "at least 0");
  check_shape_error([&] { conv_transpose2d(x, w, {.stride = {1, 0}}); }, "at least 1: 1 x 0");
  check_shape_error([&] { conv_transpose2d(x, w, {.padding = -1}); }, "must not be negative");
  check_shape_error([&] { conv_transpose2d(x, w, {.padding = 4}); },
                    "the padding leaves an output of -1 x -1");
  check_shape_error([&] { conv_transpose2d(x, w, {.groups = 3}); }, "divide the inputs: 3 of");
  check_shape_error([&] { conv_transpose2d(var({1, 5, 5, 4}, DType::f64), w); }, "one dtype");
  check_shape_error([&] { conv_transpose2d(x, var({4, 3, 3, 0})); }, "without elements");
  CHECK(tape.size() == 0);
}

}  // namespace weft
