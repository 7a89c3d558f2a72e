// conv2d on a GPU's tensor cores: in TF32 and bf16, output and all gradients agree with f64 within
// their rounding, for every way that the implicit GEMMs take (small and large tiles, strides,
// dilations that leave taps outside, channels that fill no tile) and where they hand over to the
// plain path, and come out the same twice. Error: ||a - b|| / ||b||, of random operands: well below
// one unit of the rounding. Which kernel takes which shape: conv2d_kernels_cuda_test.cpp.
#include <cmath>

#include "engine/device.h"
#include "engine/philox.h"
#include "ops/cast.h"
#include "ops/conv2d.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/op_check.h"
#include "tests/support/relative_error.h"

namespace weft {
namespace {

struct Layer {
  const char* name;
  Shape x, weight;
  Conv2dOptions options;
};

const Layer layers[] = {
    {"1x1", {2, 9, 9, 64}, {40, 1, 1, 64}, {}},
    {"1x1 / 2", {2, 9, 10, 64}, {128, 1, 1, 64}, {.stride = 2}},
    {"3x3, 64", {2, 21, 19, 64}, {64, 3, 3, 64}, {.padding = 1}},
    {"3x3 / 2", {3, 21, 20, 64}, {128, 3, 3, 64}, {.stride = 2, .padding = 1}},
    {"3x3 d2, 128 to 256", {2, 13, 13, 128}, {256, 3, 3, 128}, {.padding = 2, .dilation = 2}},
    {"3x3 d4, a large map", {4, 41, 41, 96}, {512, 3, 3, 96}, {.padding = 4, .dilation = 4}},
    {"3x3 d18, taps outside", {2, 25, 23, 64}, {192, 3, 3, 64}, {.padding = 18, .dilation = 18}},
    {"3x3 d24, one tap left", {2, 13, 13, 64}, {72, 3, 3, 64}, {.padding = 24, .dilation = 24}},
    {"channels that fill no tile", {2, 11, 7, 36}, {132, 3, 3, 36}, {.padding = 1}},
    {"narrow", {2, 11, 7, 16}, {8, 3, 3, 16}, {.padding = 1}},
    {"3x3 d12, one row of taps",
     {2, 13, 13, 128},
     {320, 3, 3, 128},
     {.padding = 12, .dilation = 12}},
    {"3x3 d4, 512: k in shares", {2, 13, 13, 512}, {512, 3, 3, 512}, {.padding = 4, .dilation = 4}},
    {"odd output channels", {1, 9, 9, 32}, {19, 3, 3, 32}, {.padding = 1}},
    {"odd output channels, k in pieces", {1, 9, 9, 512}, {19, 3, 3, 512}, {.padding = 1}},
    {"1x1 / 2, dx in pieces", {2, 13, 13, 64}, {1024, 1, 1, 64}, {.stride = 2}},
    {"one pixel", {1, 1, 1, 64}, {64, 3, 3, 64}, {.padding = 1}},
    {"no padding", {2, 8, 8, 64}, {64, 3, 3, 64}, {}},
    {"2x3 kernel", {2, 8, 9, 16}, {24, 2, 3, 16}, {.padding = {1, 0}}},
    {"unaligned channels", {2, 9, 9, 6}, {10, 3, 3, 6}, {.padding = 1}},
    {"stem", {2, 33, 31, 3}, {64, 7, 7, 3}, {.stride = 2, .padding = 3}},
    {"two groups", {2, 11, 7, 64}, {48, 3, 3, 32}, {.padding = 1, .groups = 2}},
    {"groups of unaligned channels", {2, 9, 9, 9}, {15, 3, 3, 3}, {.padding = 1, .groups = 3}},
    {"depthwise", {2, 21, 19, 64}, {64, 3, 3, 1}, {.padding = 1, .groups = 64}},
    {"depthwise / 2, twice", {2, 9, 9, 6}, {12, 3, 3, 1}, {.stride = 2, .padding = 1, .groups = 6}},
    {"5x5", {2, 9, 9, 16}, {16, 5, 5, 16}, {.padding = 2}},
};

Values values_of(const Shape& shape, const char* name) {
  OpCase c;
  c.inputs = {shape};
  c.name = name;
  c.seed = hash_name(name);
  return case_values(c, 0);
}

/// y, dx, dweight and dbias, computed in `compute` and brought to the host.
std::vector<Values> convolve(const AnyContext& context, DType leaf, DType compute, const Layer& l) {
  Tape tape(context);
  const auto var = [&](const Shape& shape, const char* name) {
    return tape.leaf(to_device(context, Tensor::from(shape, values_of(shape, name), leaf)));
  };
  const Var x = var(l.x, "x"), weight = var(l.weight, "weight"), bias = var({l.weight[0]}, "bias");
  const Var y =
      cast(conv2d(cast(x, compute), cast(weight, compute), cast(bias, compute), l.options), leaf);
  tape.backward(y, to_device(context, Tensor::from(y.shape(), values_of(y.shape(), "dy"), leaf)));
  std::vector<Values> out = {to_host(context, y.value()).to_vector()};
  for (const Var& v : {x, weight, bias}) out.push_back(to_host(context, tape.grad(v)).to_vector());
  return out;
}

const char* const names[] = {"y", "dx", "dweight", "dbias"};

}  // namespace

TEST_CASE("cuda: f32 and TF32 convolutions agree with f64 within their rounding",
          "[ops][cuda][tma]") {
  WEFT_NEEDS_CUDA();
  const Device cpu(DeviceKind::cpu, 2), tf32(DeviceKind::cuda, 1, MatrixMath::tf32),
      full(DeviceKind::cuda, 1);
  for (const Layer& l : layers) {
    const auto exact = convolve(cpu.context(), DType::f64, DType::f64, l);
    const auto in_f32 = convolve(full.context(), DType::f32, DType::f32, l);
    const auto in_tf32 = convolve(tf32.context(), DType::f32, DType::f32, l);
    const auto again = convolve(tf32.context(), DType::f32, DType::f32, l);
    for (size_t i = 0; i < exact.size(); ++i) {
      INFO(l.name << ": " << names[i]);
      CHECK(relative_error(in_f32[i], exact[i]) < 2e-6);
      CHECK(relative_error(in_tf32[i], exact[i]) < 5e-4);
      CHECK(in_tf32[i] == again[i]);
    }
  }
}

TEST_CASE("cuda: bf16 convolutions agree with f64 within their rounding",
          "[ops][cuda][bf16][tma]") {
  WEFT_NEEDS_CUDA();
  const Device cpu(DeviceKind::cpu, 2), cuda(DeviceKind::cuda, 1);
  for (const Layer& l : layers) {
    const auto exact = convolve(cpu.context(), DType::f64, DType::f64, l);
    const auto in_bf16 = convolve(cuda.context(), DType::f32, DType::bf16, l);
    const auto again = convolve(cuda.context(), DType::f32, DType::bf16, l);
    for (size_t i = 0; i < exact.size(); ++i) {
      INFO(l.name << ": " << names[i]);
      CHECK(relative_error(in_bf16[i], exact[i]) < 6e-3);
      CHECK(in_bf16[i] == again[i]);
    }
  }
}

}  // namespace weft
