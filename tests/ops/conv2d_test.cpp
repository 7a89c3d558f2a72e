// conv2d against the plainest loops: every stride, padding and dilation, odd and even kernels,
// the skipped taps, all three ways through the pixels, groups and single channels, and the text of
// its shape errors.
#include "ops/conv2d.h"

#include "tests/support/op_check.h"

namespace weft {
namespace {

Values naive_conv2d(const Conv2dShape& s, const std::vector<Values>& in) {
  Values y;
  const Conv2dOptions& o = s.options;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t p = 0; p < s.p; ++p)
      for (int64_t q = 0; q < s.q; ++q)
        for (int64_t k = 0; k < s.k; ++k) {
          double sum = in.size() > 2 ? in[2][k] : 0;
          for (int64_t r = 0; r < s.r; ++r)
            for (int64_t t = 0; t < s.s; ++t) {
              const int64_t h = p * o.stride.h - o.padding.h + r * o.dilation.h;
              const int64_t w = q * o.stride.w - o.padding.w + t * o.dilation.w;
              if (h < 0 || h >= s.h || w < 0 || w >= s.w) continue;
              const int64_t channels = s.c / o.groups, first = k / (s.k / o.groups) * channels;
              for (int64_t c = 0; c < channels; ++c)
                sum += in[0][((n * s.h + h) * s.w + w) * s.c + first + c] *
                       in[1][((k * s.r + r) * s.s + t) * channels + c];
            }
          y.push_back(sum);
        }
  return y;
}

void check_conv(const std::string& name, const Shape& x, const Shape& weight,
                const Conv2dOptions& options, bool bias = false) {
  OpCase c;
  c.name = name;
  c.inputs = {x, weight};
  if (bias) c.inputs.push_back({weight[0]});
  c.op = [options](const std::vector<Var>& in) {
    return in.size() > 2 ? conv2d(in[0], in[1], in[2], options) : conv2d(in[0], in[1], options);
  };
  c.naive = [=](const std::vector<Values>& in) {
    return naive_conv2d(Conv2dShape(x, weight, options), in);
  };
  c.reduction = weight.inner(1);
  op_check(c);
}

}  // namespace

TEST_CASE("conv2d: kernels, strides, paddings", "[ops]") {
  check_conv("3x3", {2, 7, 5, 9}, {17, 3, 3, 9}, {.padding = 1});
  check_conv("3x3 with bias", {2, 7, 5, 9}, {17, 3, 3, 9}, {.padding = 1}, true);
  check_conv("1x1", {2, 5, 4, 11}, {19, 1, 1, 11}, {}, true);
  check_conv("1x1 to 3", {2, 5, 7, 24}, {3, 1, 1, 24}, {}, true);
  check_conv("1x1 stride 2", {1, 7, 8, 11}, {5, 1, 1, 11}, {.stride = 2});
  check_conv("1x1 padded", {1, 3, 2, 10}, {5, 1, 1, 10}, {.padding = 1}, true);
  check_conv("3x3 stride 2", {2, 9, 8, 10}, {12, 3, 3, 10}, {.stride = 2, .padding = 1});
  check_conv("even kernel", {1, 6, 7, 9}, {4, 2, 4, 9}, {.stride = {1, 3}, .padding = {0, 2}},
             true);
  check_conv("no padding", {1, 8, 6, 9}, {3, 5, 3, 9}, {.dilation = {1, 2}});
  check_conv("text: height 1", {2, 1, 23, 9}, {7, 1, 3, 9}, {.padding = {0, 1}}, true);
  check_conv("one element", {1, 1, 1, 1}, {1, 1, 1, 1}, {});
  check_conv("empty batch", {0, 5, 5, 9}, {4, 3, 3, 9}, {.padding = 1}, true);
}

TEST_CASE("conv2d: few channels, as in a stem", "[ops]") {
  check_conv("stem", {2, 13, 11, 3}, {8, 7, 7, 3}, {.stride = 2, .padding = 3});
  check_conv("grey", {1, 9, 9, 1}, {5, 3, 3, 1}, {.padding = 1}, true);
  check_conv("dilated rows", {1, 9, 7, 2}, {5, 3, 2, 2}, {.padding = {2, 0}, .dilation = {2, 1}});
  check_conv("dilated columns", {1, 9, 7, 2}, {5, 3, 2, 2}, {.dilation = {1, 3}});
  check_conv("wide kernel row", {1, 3, 60, 8}, {2, 1, 40, 8}, {.padding = {0, 4}});
}

TEST_CASE("conv2d: skipped taps are exact at every dilation on a small map", "[ops]") {
  for (int64_t dilation : {1, 2, 6, 12, 13, 24})
    check_conv(fmt::format("dilation {}", dilation), {1, 13, 13, 3}, {5, 3, 3, 3},
               {.padding = dilation, .dilation = dilation}, true);
  const Conv2dShape s({1, 13, 13, 3}, {5, 3, 3, 3}, {.padding = 12, .dilation = 12});
  CHECK(conv2d_macs(s) == 169 * 9 * 15);
  CHECK(conv2d_useful_macs(s) == (169 + 4 * 13 + 4) * 15);
}

TEST_CASE("conv2d: blocks, panels and pieces of the sums", "[ops]") {
  // Sizes around the block borders; differences are checked on sampled elements only.
  check_conv("joint", {1, 12, 11, 64}, {33, 3, 3, 64}, {.padding = 1}, true);
  check_conv("deep", {1, 4, 5, 300}, {70, 3, 3, 300}, {.padding = 2, .dilation = 2});
  check_conv("many pixels", {1, 50, 43, 9}, {17, 1, 1, 9}, {});
}

TEST_CASE("conv2d: groups", "[ops]") {
  check_conv("two", {2, 7, 5, 6}, {4, 3, 3, 3}, {.padding = 1, .groups = 2}, true);
  check_conv("three, 1x1", {2, 5, 4, 33}, {21, 1, 1, 11}, {.groups = 3}, true);
  check_conv("1x1 / 2", {1, 7, 8, 22}, {10, 1, 1, 11}, {.stride = 2, .groups = 2});
  check_conv("3x3 / 2", {2, 9, 8, 20}, {12, 3, 3, 10}, {.stride = 2, .padding = 1, .groups = 2});
  check_conv("spread", {1, 9, 7, 10}, {15, 2, 3, 2},
             {.stride = {1, 2}, .padding = {2, 1}, .dilation = {2, 1}, .groups = 5}, true);
  check_conv("one output each", {1, 5, 6, 14}, {7, 3, 3, 2}, {.padding = 1, .groups = 7});
  check_conv("wide", {1, 6, 5, 128}, {64, 3, 3, 64}, {.padding = 1, .groups = 2}, true);
  check_conv("an empty batch", {0, 5, 5, 6}, {4, 3, 3, 3}, {.padding = 1, .groups = 2}, true);
}

TEST_CASE("conv2d: depthwise", "[ops]") {
  const auto depthwise = [](const char* name, const Shape& x, const Shape& kernel, int64_t per,
                            Conv2dOptions o, bool bias = false) {
    o.groups = x[3];
    check_conv(name, x, {per * x[3], kernel[0], kernel[1], 1}, o, bias);
  };
  depthwise("3x3", {2, 7, 5, 9}, {3, 3}, 1, {.padding = 1}, true);
  depthwise("3x3 / 2", {2, 9, 8, 17}, {3, 3}, 1, {.stride = 2, .padding = 1});
  depthwise("three outputs a channel", {1, 6, 7, 5}, {3, 2}, 3, {.padding = 1}, true);
  depthwise("1x1", {2, 3, 5, 7}, {1, 1}, 2, {}, true);
  depthwise("spread", {1, 9, 11, 4}, {3, 3}, 1,
            {.stride = {2, 1}, .padding = {2, 3}, .dilation = {1, 3}}, true);
  depthwise("one tap left", {1, 5, 5, 6}, {3, 3}, 2, {.padding = 12, .dilation = 12});
  depthwise("one pixel", {1, 1, 1, 2}, {3, 3}, 1, {.padding = 1});
  for (int64_t width : {255, 256, 257})
    depthwise("a run of pixels", {1, 1, width, 3}, {1, 3}, 1, {.padding = {0, 1}}, true);
  depthwise("many runs", {2, 29, 31, 67}, {3, 3}, 1, {.padding = 1}, true);
  depthwise("an empty batch", {0, 5, 5, 9}, {3, 3}, 1, {.padding = 1}, true);
}

TEST_CASE("conv2d: groups count the multiplications that they make", "[ops]") {
  CHECK(conv2d_macs({{2, 5, 5, 6}, {4, 3, 3, 3}, {.padding = 1, .groups = 2}}) == 50 * 9 * 4 * 3);
  CHECK(conv2d_useful_macs({{1, 3, 3, 2}, {2, 3, 3, 1}, {.padding = 1, .groups = 2}}) ==
        (9 + 4 * 6 + 4 * 4) * 2);
}

TEST_CASE("conv2d: shape errors", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto var = [&](const Shape& shape, DType dtype = DType::f32) {
    return tape.constant(Tensor::from(shape, Values(shape.numel(), 0.0), dtype));
  };
  const Var x = var({1, 5, 5, 4}), w = var({2, 3, 3, 4});
  check_shape_error(
      [&] {
        conv2d(x, var({2, 3, 3, 3}));
      },
      "conv2d: weight expects 3 input channels, input has 4: input [1, 5, 5, 4], "
      "weight [2, 3, 3, 3]");
  check_shape_error([&] { conv2d(x, var({2, 4})); }, "input [N, H, W, C]");
  check_shape_error([&] { conv2d(x, w, var({3})); }, "bias must be [2]");
  check_shape_error([&] { conv2d(x, w, {.dilation = 3}); },
                    "the kernel spans 7 x 7, the padded input is 5 x 5");
  check_shape_error([&] { conv2d(x, w, {.stride = {1, 0}}); }, "must be at least 1: 1 x 0");
  check_shape_error([&] { conv2d(x, w, {.padding = -1}); }, "must not be negative");
  check_shape_error([&] { conv2d(var({1, 5, 5, 4}, DType::f64), w); }, "one dtype");
  check_shape_error([&] { conv2d(x, var({0, 3, 3, 4})); }, "without elements");
  check_shape_error([&] { conv2d(x, w, {.groups = 2}); },
                    "weight expects 8 input channels in 2 groups, input has 4");
  check_shape_error(
      [&] {
        conv2d(x, var({3, 3, 3, 2}), {.groups = 2});
      },
      "groups must be at least 1 and divide the outputs: 2 of weight [3, 3, 3, 2]");
  check_shape_error([&] { conv2d(x, w, {.groups = 0}); }, "groups must be at least 1");
  CHECK(tape.size() == 0);
}

}  // namespace weft
