// f32 products as six of bf16 (ops/conv2d_hopper_split_cuda.cuh): every bit of both factors counts,
// the error beside f64 is no larger than that of f32 in full, and what is not finite stays so.
// Whether pixels, taps and channels are the right ones: conv2d_kernels_cuda_test.cpp.
#include <cmath>
#include <limits>

#include "engine/device.h"
#include "engine/philox.h"
#include "ops/conv2d.h"
#include "ops/conv2d_tensor_cuda.cuh"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/op_check.h"
#include "tests/support/relative_error.h"

namespace weft {
namespace {

/// Uniform in [low, 1), as f32.
Tensor random(const Shape& shape, const char* name, double low = -1) {
  const Philox philox(5, Stream::data, 0, name);
  Values values;
  for (int64_t i = 0; i < shape.numel(); ++i)
    values.push_back(low + (1 - low) * philox.uniform(static_cast<uint64_t>(i)));
  return Tensor::from(shape, values, DType::f32);
}

/// Odd numbers of 24 bits, each with a sign and a power of two of its own; none so near to the next
/// power that its high part would be that one.
Tensor full_bits(const Shape& shape, const char* name) {
  const Philox philox(6, Stream::data, 0, name);
  Values values;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    const auto word = static_cast<uint64_t>(philox.below(static_cast<uint64_t>(i), 1 << 30));
    const double odd = static_cast<double>((word & 0x3FFFFF) | 0x800001);
    values.push_back((word >> 29 & 1 ? -1 : 1) *
                     std::ldexp(odd, static_cast<int>(word >> 24 & 15) - 30));
  }
  return Tensor::from(shape, values, DType::f32);
}

/// [rows, columns] with one `value` a row, at column row % columns.
Tensor one_a_row(int64_t rows, int64_t columns, double value) {
  Values values(static_cast<size_t>(rows * columns), 0.0);
  for (int64_t i = 0; i < rows; ++i) values[static_cast<size_t>(i * columns + i % columns)] = value;
  return Tensor::from({rows, columns}, values, DType::f32);
}

/// forward, backward_input and backward_weight of a 1x1 over `rows` pixels, by Hopper's kernels.
struct Pixels {
  const Device device{DeviceKind::cuda, 1, MatrixMath::f32x6};
  CudaContext& ctx = *std::get<CudaContext*>(device.context());

  Values run(char op, const Shape& to_shape, const Tensor& left, const Tensor& right, int64_t rows,
             int64_t in, int64_t out) {
    const Conv2dShape s({1, 1, rows, in}, {out, 1, 1, in}, {});
    const Tensor a = to_device(device.context(), left), b = to_device(device.context(), right);
    const Tensor to = Tensor::empty(to_shape, DType::f32, ctx.memory());
    ctx.fill(to, std::numeric_limits<double>::quiet_NaN());
    const View<const float> weight{b.data<const float>(), {out, 1, 1, in}};
    const auto va = a.view<const float>(), vb = b.view<const float>();
    CHECK((op == 'f'   ? hopper_conv::forward<float>(ctx, s, va, weight, {}, to.view<float>())
           : op == 'd' ? hopper_conv::backward_input<float>(ctx, s, weight, va, to.view<float>())
                       : hopper_conv::backward_weight<float>(ctx, s, va, vb, to.view<float>())));
    return to_host(device.context(), to).to_vector();
  }
};

/// y, dx and dweight of a layer; `positive`: sums that only grow, as after a ReLU.
std::vector<Values> results(const Device& device, DType dtype, const Shape& x_shape,
                            const Shape& weight_shape, const Conv2dOptions& options,
                            bool positive) {
  const double low = positive ? 0 : -1;
  Tape tape(device.context());
  const auto wide = [&](const Tensor& t) {
    return to_device(device.context(), Tensor::from(t.shape(), t.to_vector(), dtype));
  };
  const Var x = tape.leaf(wide(random(x_shape, "x", low)));
  const Var weight = tape.leaf(wide(random(weight_shape, "weight", low)));
  const Var y = conv2d(x, weight, options);
  tape.backward(y, wide(random(y.shape(), "dy", low)));
  std::vector<Values> all{to_host(device.context(), y.value()).to_vector()};
  for (const Var& v : {x, weight})
    all.push_back(to_host(device.context(), tape.grad(v)).to_vector());
  return all;
}

// Where sums are so short that f32 in full rounds them hardly: tensor cores cut off a stage's sum
// four times, each time half of 2^-24 to 2^-23 of it.
constexpr double shortest = 1.8e-7;

}  // namespace

TEST_CASE("cuda: f32x6 hands on all 24 bits of either factor", "[ops][cuda][f32x6][tma]") {
  WEFT_NEEDS_CUDA();
  if (!hopper_conv::available()) WEFT_SKIP("no Hopper card: f32x6 is f32 in full");
  Pixels p;
  constexpr int64_t rows = 200, in = 136, out = 72;
  const auto transposed = [](const Tensor& t) {
    const Values v = t.to_vector();
    const int64_t m = t.shape()[0], n = t.shape()[1];
    Values turned(v.size());
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) turned[j * m + i] = v[i * n + j];
    return Tensor::from({n, m}, turned, DType::f32);
  };
  // y[m, k] = sum x[m, c] w[k, c]: each row of one factor picks one number of the other.
  const Tensor x = full_bits({rows, in}, "x"), w = full_bits({out, in}, "w");
  const Tensor picks_x = one_a_row(out, in, 0.5), picks_w = one_a_row(rows, in, -2);
  const Values xv = x.to_vector(), wv = w.to_vector();
  const Values y = p.run('f', {rows, out}, x, picks_x, rows, in, out);
  const Values y2 = p.run('f', {rows, out}, picks_w, w, rows, in, out);
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t k = 0; k < out; ++k) {
      REQUIRE(y[m * out + k] == 0.5 * xv[m * in + k % in]);
      REQUIRE(y2[m * out + k] == -2 * wv[k * in + m % in]);
    }
  // dx[m, c] = sum dy[m, k] w[k, c]
  const Tensor dy = full_bits({rows, out}, "dy");
  const Values dyv = dy.to_vector();
  const Values dx = p.run('d', {rows, in}, dy, transposed(one_a_row(in, out, 4)), rows, in, out);
  const Values dx2 = p.run('d', {rows, in}, one_a_row(rows, out, -1), w, rows, in, out);
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t c = 0; c < in; ++c) {
      REQUIRE(dx[m * in + c] == 4 * dyv[m * out + c % out]);
      REQUIRE(dx2[m * in + c] == -wv[m % out * in + c]);
    }
  // dw[k, c] = sum dy[m, k] x[m, c]
  const Values dw = p.run('w', {out, in}, x, transposed(one_a_row(out, rows, 2)), rows, in, out);
  const Values dw2 = p.run('w', {out, in}, transposed(one_a_row(in, rows, -4)), dy, rows, in, out);
  for (int64_t k = 0; k < out; ++k)
    for (int64_t c = 0; c < in; ++c) {
      REQUIRE(dw[k * in + c] == 2 * xv[k % rows * in + c]);
      REQUIRE(dw2[k * in + c] == -4 * dyv[c % rows * out + k]);
    }
}

TEST_CASE("cuda: f32x6 multiplies middle parts, and keeps what is not finite",
          "[ops][cuda][f32x6][tma]") {
  WEFT_NEEDS_CUDA();
  if (!hopper_conv::available()) WEFT_SKIP("no Hopper card: f32x6 is f32 in full");
  Pixels p;
  const double part = 1 + std::ldexp(1.0, -9);  // 1 and 2^-9: a high and a middle part
  const auto product = [&](double a, double b) {
    return p.run('f', {8, 8}, one_a_row(8, 8, a), one_a_row(8, 8, b), 8, 8, 8)[0];
  };
  CHECK(product(part, part) == part * part);
  CHECK(product(part, -part) == -part * part);
  const double largest = std::numeric_limits<float>::max();  // rounds to infinity in bf16
  CHECK(product(largest, 1) == largest);
  CHECK(product(0.5, -largest) == -largest / 2);
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {infinity, -infinity, std::nan("")}) {
    CHECK(!std::isfinite(product(bad, 1)));
    CHECK(!std::isfinite(product(1, bad)));
  }
}

TEST_CASE("cuda: the error of f32x6 is no larger than that of f32 in full, layer by layer",
          "[ops][cuda][f32x6][tma]") {
  WEFT_NEEDS_CUDA();
  struct Layer {
    const char* name;
    Shape x, weight;
    Conv2dOptions options;
  };
  const Layer layers[] = {
      {"layer1", {2, 25, 25, 64}, {64, 3, 3, 64}, {.padding = 1}},
      {"layer2 / 2", {2, 25, 25, 64}, {128, 3, 3, 64}, {.stride = 2, .padding = 1}},
      {"layer2 1x1 / 2", {2, 25, 25, 64}, {128, 1, 1, 64}, {.stride = 2}},
      {"layer3", {2, 13, 13, 256}, {256, 3, 3, 256}, {.padding = 2, .dilation = 2}},
      {"layer4", {2, 13, 13, 512}, {512, 3, 3, 512}, {.padding = 4, .dilation = 4}},
      {"ASPP d6", {2, 21, 21, 512}, {256, 3, 3, 512}, {.padding = 6, .dilation = 6}},
      {"ASPP d24", {2, 13, 13, 512}, {256, 3, 3, 512}, {.padding = 24, .dilation = 24}},
      {"ASPP 1x1", {2, 13, 13, 1024}, {1024, 1, 1, 1024}, {}},
      {"to classes", {2, 13, 13, 1024}, {40, 1, 1, 1024}, {}},
      {"36 channels", {2, 11, 7, 36}, {132, 3, 3, 36}, {.padding = 1}}};
  const Device cpu(DeviceKind::cpu, 2), full(DeviceKind::cuda, 1),
      split(DeviceKind::cuda, 1, MatrixMath::f32x6);
  const char* const names[] = {"y", "dx", "dweight"};
  for (const Layer& l : layers)
    for (const bool positive : {false, true}) {
      const auto run = [&](const Device& device, DType dtype) {
        return results(device, dtype, l.x, l.weight, l.options, positive);
      };
      const auto exact = run(cpu, DType::f64), in_full = run(full, DType::f32);
      const auto in_parts = run(split, DType::f32), again = run(split, DType::f32);
      for (size_t i = 0; i < exact.size(); ++i) {
        const double of_full = relative_error(in_full[i], exact[i]),
                     of_parts = relative_error(in_parts[i], exact[i]);
        INFO(l.name << (positive ? ", positive: " : ": ") << names[i] << ", in full " << of_full);
        CHECK(of_parts <= std::max(of_full, shortest));
        CHECK(in_parts[i] == again[i]);
      }
    }
}

TEST_CASE("cuda: f32x6 in linear and matmul has the error of f32, and a bias",
          "[ops][cuda][f32x6][tma]") {
  WEFT_NEEDS_CUDA();
  const Device cpu(DeviceKind::cpu, 2), split(DeviceKind::cuda, 1, MatrixMath::f32x6);
  const auto run = [](const Device& device, DType dtype) {
    Tape tape(device.context());
    const auto leaf = [&](const Shape& shape, const char* name) {
      const Tensor t = random(shape, name);
      return tape.leaf(to_device(device.context(), Tensor::from(shape, t.to_vector(), dtype)));
    };
    // 300 x 512 x 516 is large enough for Hopper's kernels, 30 rows are not.
    const Var x = leaf({300, 512}, "x"), w = leaf({516, 512}, "w"), b = leaf({516}, "b");
    const Var few = leaf({30, 512}, "few"), m = leaf({512, 640}, "m"), t = leaf({300, 640}, "t");
    std::vector<Values> all;
    const auto keep = [&](const Tensor& value) {
      all.push_back(to_host(device.context(), value).to_vector());
    };
    const Var y = linear(x, w, b), small = linear(few, w, b);
    const Var plain = matmul(x, m), of_b = matmul(x, w, Transpose::b);
    const Var of_a = matmul(x, t, Transpose::a);
    for (const Var& v : {y, small, plain, of_b, of_a}) keep(v.value());
    tape.backward(y,
                  to_device(device.context(),
                            Tensor::from(y.shape(), random(y.shape(), "dy").to_vector(), dtype)));
    for (const Var& v : {x, w, b}) keep(tape.grad(v));
    return all;
  };
  const auto exact = run(cpu, DType::f64), in_parts = run(split, DType::f32);
  for (size_t i = 0; i < exact.size(); ++i) {
    INFO("result " << i);
    CHECK(relative_error(in_parts[i], exact[i]) < 5e-7);
  }
}

}  // namespace weft
