// Ops in bf16 on the GPU: output and all gradients agree with the CPU's f64 within the rounding of
// their inputs and results, and come out the same twice. Error: ||a - b|| / ||b||.
#include <cmath>
#include <functional>

#include "models/attention.h"
#include "ops/batch_norm.h"
#include "ops/cast.h"
#include "ops/conv2d.h"
#include "ops/conv_transpose2d.h"
#include "ops/gather.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "tests/support/op_check.h"
#include "tests/support/relative_error.h"

namespace weft {
namespace {

/// Inputs whose `full` is set stay f32, as statistics do.
struct Bf16Case {
  std::string name;
  std::vector<Shape> inputs;
  std::vector<bool> full;
  std::function<Var(const std::vector<Var>&)> op;
  double bound = 1e-2;
};

/// y and all gradients, on the host.
std::vector<Values> results(const AnyContext& context, DType leaf, DType compute,
                            const Bf16Case& c) {
  OpCase values;
  values.inputs = c.inputs;
  Tape tape(context);
  std::vector<Var> leaves, in;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    leaves.push_back(
        tape.leaf(to_device(context, Tensor::from(c.inputs[i], case_values(values, i), leaf))));
    in.push_back(c.full[i] ? leaves.back() : cast(leaves.back(), compute));
  }
  const Var y = cast(c.op(in), leaf);
  values.inputs = {y.shape()};
  values.seed = 2;
  tape.backward(y, to_device(context, Tensor::from(y.shape(), case_values(values, 0), leaf)));
  std::vector<Values> out = {to_host(context, y.value()).to_vector()};
  for (const Var& v : leaves) out.push_back(to_host(context, tape.grad(v)).to_vector());
  return out;
}

void check_bf16(const Bf16Case& c) {
  CpuContext cpu(2);
  const auto exact = results(&cpu, DType::f64, DType::f64, c);
  const auto got = results(cuda_device(), DType::f32, DType::bf16, c);
  const auto again = results(cuda_device(), DType::f32, DType::bf16, c);
  for (size_t i = 0; i < exact.size(); ++i) {
    INFO(c.name << ": " << (i == 0 ? "y" : fmt::format("gradient of input {}", i - 1)));
    CHECK(relative_error(got[i], exact[i]) < c.bound);
    CHECK(got[i] == again[i]);
  }
}

}  // namespace

TEST_CASE("cuda: bf16 norms agree with f64 within their rounding", "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  for (const Shape& x : std::vector<Shape>{{33, 7}, {65, 768}, {3, 5, 1024}, {2, 16392}})
    check_bf16({fmt::format("layer_norm {}", x),
                {x, {x.back()}, {x.back()}},
                {false, true, true},
                [](const auto& v) { return layer_norm(v[0], v[1], v[2]); }});
  for (const int64_t groups : {1, 4, 32})
    check_bf16({fmt::format("group_norm, {} groups", groups),
                {{3, 65, 63, 64}, {64}, {64}},
                {false, true, true},
                [=](const auto& v) { return group_norm(v[0], v[1], v[2], groups); }});
}

TEST_CASE("cuda: bf16 batch norm agrees with f64 within its rounding", "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  // In one launch a way and in several; channels in vectors and one by one.
  for (const Shape& x :
       std::vector<Shape>{{8, 13, 13, 64}, {2, 2048, 40}, {6, 33, 31, 136}, {700, 5}})
    check_bf16({fmt::format("batch_norm {}", x),
                {x, {x.back()}, {x.back()}},
                {false, true, true},
                [](const auto& v) {
                  const int64_t channels = v[1].shape()[0];
                  const auto filled = [&](double value) {
                    return on_tape(v[0].tape(), Tensor::full({channels}, value, v[1].dtype()));
                  };
                  BatchNormStats stats{filled(0), filled(1)};
                  BatchNormOptions options;
                  options.group_weights = {0.1, 0.2};
                  return batch_norm(v[0], v[1], v[2], stats, options);
                }});
}

TEST_CASE("cuda: bf16 bias gradients agree with f64 within their rounding", "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  for (const int64_t rows : {3, 512, 2600})
    for (const int64_t width : {3, 40, 136})
      check_bf16({fmt::format("linear {} x {}", rows, width),
                  {{rows, 24}, {width, 24}, {width}},
                  {false, false, false},
                  [](const auto& v) { return linear(v[0], v[1], v[2]); }});
}

TEST_CASE("cuda: bf16 linears of few outputs agree with f64 within their rounding",
          "[ops][cuda][bf16][narrow]") {
  WEFT_NEEDS_CUDA();
  // No row count at which the terms of a bias gradient nearly cancel, as those of five rows do.
  for (const int64_t width : {1, 2, 3, 5, 7, 8})
    for (const Shape& x : std::vector<Shape>{{7, 24}, {2601, 72}, {67, 515}, {301, 1024}})
      check_bf16({fmt::format("linear {} to {}", x, width),
                  {x, {width, x[1]}, {width}},
                  {false, false, false},
                  [](const auto& v) { return linear(v[0], v[1], v[2]); }});
}

TEST_CASE("cuda: bf16 matmul agrees with f64 within its rounding", "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  for (const Transpose t : {Transpose::none, Transpose::a, Transpose::b})
    for (const bool plain : {false, true})
      for (const int64_t n : {24, 31})
        check_bf16({fmt::format("transpose {}, plain {}, {}", static_cast<int>(t), plain, n),
                    {{2, 3, n, n}, plain ? Shape{n, n} : Shape{2, 3, n, n}},
                    {false, false},
                    [=](const auto& v) { return matmul(v[0], v[1], t); }});
}

TEST_CASE("cuda: bf16 embedding agrees with f64 within its rounding", "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  for (const int64_t width : {5, 64})
    for (const int64_t values : {11, 4000}) {
      Values ids;
      for (int64_t i = 0; i < 1500; ++i) ids.push_back(static_cast<double>(i * i % values));
      const Tensor host = Tensor::from({1500}, ids, DType::i32);
      check_bf16({fmt::format("embedding [{}, {}]", values, width),
                  {{values, width}},
                  {false},
                  [=](const auto& v) { return embedding(v[0], on_tape(v[0].tape(), host)); }});
    }
}

TEST_CASE(
    "cuda: f32 masters give what weights that were cast give, and gradients that are not rounded",
    "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  const Conv2dOptions padded{.padding = 1};
  const auto conv = [](const Conv2dOptions& o) {
    return [o](const std::vector<Var>& v) { return conv2d(v[0], v[1], v[2], o); };
  };
  std::vector<Bf16Case> cases = {
      {"linear",
       {{700, 24}, {40, 24}, {40}},
       {},
       [](const auto& v) { return linear(v[0], v[1], v[2]); }},
      {"linear to 3",
       {{700, 24}, {3, 24}, {3}},
       {},
       [](const auto& v) { return linear(v[0], v[1], v[2]); }},
      {"3x3", {{2, 13, 11, 128}, {256, 3, 3, 128}, {256}}, {}, conv(padded)},
      {"3x3 by columns", {{2, 9, 9, 6}, {10, 3, 3, 6}, {10}}, {}, conv(padded)},
      {"1x1", {{2, 13, 13, 64}, {40, 1, 1, 64}, {40}}, {}, conv({})},
      {"depthwise", {{2, 9, 9, 16}, {16, 3, 3, 1}, {16}}, {}, conv({.padding = 1, .groups = 16})},
      {"transposed", {{2, 9, 9, 32}, {32, 3, 3, 16}, {16}}, {}, [](const auto& v) {
         return conv_transpose2d(v[0], v[1], v[2]);
       }}};
  for (Bf16Case& c : cases) {
    INFO(c.name);
    c.full = {false, false, false};
    const auto cast_before = results(cuda_device(), DType::f32, DType::bf16, c);
    c.full = {false, true, true};
    const auto masters = results(cuda_device(), DType::f32, DType::bf16, c);
    CHECK(masters[0] == cast_before[0]);
    CHECK(masters[1] == cast_before[1]);
    const Tape tape(cuda_device(), Tape::Mode::no_grad);
    for (size_t i : {2, 3}) {
      const Var dw = tape.constant(on_tape(tape, Tensor::from(c.inputs[i - 1], masters[i])));
      const Tensor rounded = cast(cast(dw, DType::bf16), DType::f32).value();
      CHECK(from_tape(tape, rounded).to_vector() == cast_before[i]);
    }
  }
}

TEST_CASE("cuda: bf16 transposed convolution agrees with f64 within its rounding",
          "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  for (const int64_t groups : {1, 2, 32})
    for (const int64_t stride : {1, 2}) {
      const ConvTranspose2dOptions options{
          .stride = stride, .padding = 1, .output_padding = stride - 1, .groups = groups};
      check_bf16({fmt::format("stride {}, {} groups", stride, groups),
                  {{2, 9, 11, 32}, {32, 3, 3, 64 / groups}, {64}},
                  {false, false, false},
                  [=](const auto& v) { return conv_transpose2d(v[0], v[1], v[2], options); }});
    }
}

TEST_CASE("cuda: bf16 attention agrees with f64 within its rounding", "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  for (const int64_t heads : {1, 4})
    check_bf16({fmt::format("attention, {} heads", heads),
                {{2, 33, 64}, {192, 64}, {192}, {64, 64}, {64}},
                {false, false, false, false, false},
                [=](const auto& v) {
                  // Weights as they are initialised: a sharp softmax would magnify the rounding of
                  // its scores. Five products follow each other.
                  return multi_head_attention({v[0], v[0], v[0]}, scale(v[1], 0.125), v[2],
                                              scale(v[3], 0.125), v[4], heads);
                },
                5e-2});
}

}  // namespace weft
