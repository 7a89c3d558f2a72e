// The kernels behind conv2d on a GPU, one by one: Hopper's and every card's (ops/
// conv2d_tensor_cuda.cuh), on whole numbers (tests/support/device_numbers.h): a wrong pixel, tap or
// channel shows. Each row says which operations Hopper's kernels take; nothing is written outside
// the result. Also: what is not finite stays so, work recorded as a graph, and a picture of more tiles
// than a grid's y holds.
#include <cmath>
#include <limits>

#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/conv2d_tensor_cuda.cuh"
#include "ops/max_pool.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/device_numbers.h"
#include "tests/support/relative_error.h"

namespace weft {
namespace {

/// takes_*: f (forward), d (backward_input), w (backward_weight), where Hopper's kernels do.
struct Layer {
  const char* name;
  Shape x, weight;
  Conv2dOptions options;
  std::string takes_bf16, takes_tf32;
};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> list{
      {"3x3, 64", {2, 21, 19, 64}, {64, 3, 3, 64}, {.padding = 1}, "fdw", "fd"},
      {"3x3, 8", {3, 9, 7, 8}, {8, 3, 3, 8}, {.padding = 1}, "fdw", "fd"},
      {"3x3 / 2, odd", {2, 21, 17, 64}, {128, 3, 3, 64}, {.stride = 2, .padding = 1}, "fdw", "fd"},
      {"3x3 / 2, even", {3, 20, 18, 72}, {136, 3, 3, 72}, {.stride = 2, .padding = 1}, "fdw", "fd"},
      {"3x3 d2", {2, 13, 13, 64}, {256, 3, 3, 64}, {.padding = 2, .dilation = 2}, "fdw", "fd"},
      {"3x3 d6", {4, 17, 23, 256}, {64, 3, 3, 256}, {.padding = 6, .dilation = 6}, "fdw", "fd"},
      {"d12 on 13",
       {5, 13, 13, 136},
       {320, 3, 3, 136},
       {.padding = 12, .dilation = 12},
       "fdw",
       "fdw"},
      {"one tap", {2, 13, 13, 64}, {72, 3, 3, 64}, {.padding = 24, .dilation = 24}, "fdw", "fd"},
      {"one tap, wide",
       {2, 13, 13, 136},
       {72, 3, 3, 136},
       {.padding = 24, .dilation = 24},
       "fdw",
       "fdw"},
      {"k in shares",
       {2, 13, 13, 512},
       {512, 3, 3, 512},
       {.padding = 4, .dilation = 4},
       "fdw",
       "fdw"},
      {"3x3 / 2, wide",
       {2, 9, 10, 264},
       {72, 3, 3, 264},
       {.stride = 2, .padding = 1},
       "fdw",
       "fdw"},
      {"rounds of items",
       {4, 41, 41, 8},
       {1024, 3, 3, 8},
       {.padding = 4, .dilation = 4},
       "fdw",
       "fd"},
      {"rounds of dx's",
       {4, 41, 41, 1024},
       {8, 3, 3, 1024},
       {.padding = 4, .dilation = 4},
       "fdw",
       "fd"},
      {"one pixel", {1, 1, 1, 64}, {64, 3, 3, 64}, {.padding = 1}, "fdw", "fd"},
      {"a row", {2, 1, 37, 32}, {48, 1, 3, 32}, {.padding = {0, 1}}, "fdw", "fd"},
      {"one output", {3, 3, 3, 64}, {64, 3, 3, 64}, {}, "fdw", "fd"},
      {"no padding: dx has 25 classes", {2, 8, 8, 64}, {64, 3, 3, 64}, {}, "fw", "f"},
      {"2x3", {2, 8, 9, 16}, {24, 2, 3, 16}, {.padding = {1, 0}}, "fdw", "fd"},
      {"16 classes",
       {1, 20, 20, 16},
       {16, 3, 3, 16},
       {.stride = 2, .padding = 3, .dilation = 3},
       "fdw",
       "fd"},
      {"126 apart",
       {1, 2, 150, 8},
       {8, 1, 3, 8},
       {.padding = {0, 63}, .dilation = {1, 63}},
       "fdw",
       "fd"},
      {"128 apart",
       {1, 2, 150, 8},
       {8, 1, 3, 8},
       {.padding = {0, 64}, .dilation = {1, 64}},
       "w",
       ""},
      {"f32's channels", {2, 11, 7, 36}, {132, 3, 3, 36}, {.padding = 1}, "", "fd"},
      {"odd outputs", {1, 9, 9, 32}, {19, 3, 3, 32}, {.padding = 1}, "", ""},
      {"unaligned", {2, 9, 9, 6}, {10, 3, 3, 6}, {.padding = 1}, "", ""},
      {"1x1 / 2: pixels without a tap", {2, 9, 10, 64}, {128, 1, 1, 64}, {.stride = 2}, "fw", "f"},
      {"padded 1x1", {2, 5, 4, 16}, {16, 1, 1, 16}, {.padding = 1}, "dw", "d"},
      {"unequal strides", {2, 9, 9, 16}, {16, 3, 3, 16}, {.stride = {1, 2}, .padding = 1}, "w", ""},
      {"5x5", {2, 9, 9, 16}, {16, 5, 5, 16}, {.padding = 2}, "", ""}};
  return list;
}

/// A layer's operands on the device, and what they give, exactly.
template <class T>
struct Case {
  Conv2dShape s;
  Tensor x, weight, bias, dy;
  Values y, dx, dweight;

  Case(CudaContext& ctx, const Layer& l) : s(l.x, l.weight, l.options) {
    const auto host = [&](const Shape& shape, int64_t seed) {
      return Tensor::from(shape, numbers(shape, seed), DType::f64);
    };
    const Tensor hx = host(l.x, 1), hw = host(l.weight, 2), hb = host({s.k}, 3);
    const Tensor hdy = host(s.output(), 4);
    const auto exact = [&](const Shape& shape, auto&& kernel, DType dtype = dtype_of<T>()) {
      return exact_values(ctx, shape, dtype, kernel);
    };
    CpuContext cpu(2);
    const auto vx = hx.view<const double>(), vw = hw.view<const double>();
    const auto vdy = hdy.view<const double>();
    y = exact(s.output(), [&](auto to) {
      kernels::conv2d_forward<double>(cpu, s, vx, vw, hb.view<const double>(), to);
    });
    dx = exact(l.x, [&](auto to) { kernels::conv2d_backward_input<double>(cpu, s, vw, vdy, to); });
    dweight = exact(
        l.weight, [&](auto to) { kernels::conv2d_backward_weight<double>(cpu, s, vx, vdy, to); },
        DType::f32);
    const auto here = [&](const Tensor& t) {
      return on_gpu(ctx, t.shape(), t.to_vector(), dtype_of<T>());
    };
    x = here(hx), weight = here(hw), bias = here(hb), dy = here(hdy);
  }
};

template <class T>
void check_kernels(CudaContext& ctx, const Layer& l, const std::string& takes) {
  const Case<T> c(ctx, l);
  const auto x = c.x.template view<const T>(), weight = c.weight.template view<const T>();
  const auto bias = c.bias.template view<const T>(), dy = c.dy.template view<const T>();
  const auto check = [&](char op, auto zero, const Shape& shape, const Values& exact, auto&& hopper,
                         auto&& every, auto&& chosen) {
    using Out = decltype(zero);
    INFO(l.name << ", " << name_of(dtype_of<T>()) << ", " << op);
    const auto by_hopper = result<Out>(ctx, shape, hopper), again = result<Out>(ctx, shape, hopper);
    const bool takes_it = takes.find(op) != std::string::npos && hopper_conv::available();
    CHECK(by_hopper.has_value() == takes_it);
    if (by_hopper) CHECK(*by_hopper == exact);
    CHECK(by_hopper == again);
    const auto by_every = result<Out>(ctx, shape, every);
    if (by_every) CHECK(*by_every == exact);
    const auto by_choice = result<Out>(ctx, shape, [&](View<Out> to) { return chosen(to), true; });
    CHECK(*by_choice == exact);
  };
  check(
      'f', T{}, c.s.output(), c.y,
      [&](View<T> y) { return hopper_conv::forward<T>(ctx, c.s, x, weight, bias, y); },
      [&](View<T> y) { return tensor_conv::forward<T>(ctx, c.s, x, weight, bias, y); },
      [&](View<T> y) { kernels::conv2d_forward<T>(ctx, c.s, x, weight, bias, y); });
  check(
      'd', T{}, l.x, c.dx,
      [&](View<T> dx) { return hopper_conv::backward_input<T>(ctx, c.s, weight, dy, dx); },
      [&](View<T> dx) { return tensor_conv::backward_input<T>(ctx, c.s, weight, dy, dx); },
      [&](View<T> dx) { kernels::conv2d_backward_input<T>(ctx, c.s, weight, dy, dx); });
  // Twice the same where the second is added as it is stored: exact in every type.
  Values doubled = c.dx;
  for (double& v : doubled) v *= 2;
  const auto added = result<T>(ctx, l.x, [&](View<T> dx) {
    kernels::conv2d_backward_input<T>(ctx, c.s, weight, dy, dx);
    return kernels::conv2d_backward_input_onto<T>(ctx, c.s, weight, dy, dx);
  });
  INFO(l.name << ", " << name_of(dtype_of<T>()) << ", added");
  if (added) CHECK(*added == doubled);
  check(
      'w', float{}, l.weight, c.dweight,
      [&](View<float> dw) { return hopper_conv::backward_weight<T>(ctx, c.s, x, dy, dw); },
      [&](View<float> dw) { return tensor_conv::backward_weight<T>(ctx, c.s, x, dy, dw); },
      [&](View<float> dw) { kernels::conv2d_backward_weight<T>(ctx, c.s, x, dy, dw); });
}

}  // namespace

TEST_CASE("cuda: TF32 convolutions of whole numbers are exact, kernel by kernel",
          "[ops][cuda][tma]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1, MatrixMath::tf32);
  for (const Layer& l : layers()) check_kernels<float>(context_of(device), l, l.takes_tf32);
}

TEST_CASE("cuda: f32x6 convolutions of whole numbers are exact, kernel by kernel",
          "[ops][cuda][f32x6][tma]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1, MatrixMath::f32x6);
  for (const Layer& l : layers()) {
    std::string takes = l.takes_tf32;  // TF32's kernel of pixels; the weight's takes more
    takes.erase(std::remove(takes.begin(), takes.end(), 'w'), takes.end());
    const bool fours = l.x[3] % 4 == 0 && l.weight[0] % 4 == 0;
    if (fours && l.weight[1] * l.weight[2] <= 9) takes += 'w';
    check_kernels<float>(context_of(device), l, takes);
  }
}

TEST_CASE("cuda: bf16 convolutions of whole numbers are exact, kernel by kernel",
          "[ops][cuda][bf16][tma]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1);
  for (const Layer& l : layers()) check_kernels<bf16_t>(context_of(device), l, l.takes_bf16);
}

TEST_CASE("cuda: a wide layer's weight gradient in TF32 has more than TF32's bits",
          "[ops][cuda][tma]") {
  WEFT_NEEDS_CUDA();
  if (!hopper_conv::available()) WEFT_SKIP("no Hopper card: mma.sync rounds to TF32");
  const Device device(DeviceKind::cuda, 1, MatrixMath::tf32);
  CudaContext& ctx = context_of(device);
  const Conv2dShape s({4, 17, 15, 256}, {128, 3, 3, 256}, {.padding = 2, .dilation = 2});
  const auto random = [](const Shape& shape, uint64_t seed) {
    OpCase c;
    c.inputs = {shape};
    c.seed = seed;
    return Tensor::from(shape, case_values(c, 0), DType::f32);
  };
  const Tensor x = random({4, 17, 15, 256}, 1), dy = random(s.output(), 2);
  const auto wide = [](const Tensor& t) {
    return Tensor::from(t.shape(), t.to_vector(), DType::f64);
  };
  const Tensor exact = Tensor::empty({128, 3, 3, 256}, DType::f64);
  CpuContext cpu(2);
  kernels::conv2d_backward_weight<double>(cpu, s, wide(x).view<const double>(),
                                          wide(dy).view<const double>(), exact.view<double>());
  const Tensor here_x = to_device(AnyContext(&ctx), x), here_dy = to_device(AnyContext(&ctx), dy);
  const auto dweight = result<float>(ctx, exact.shape(), [&](View<float> to) {
    return hopper_conv::backward_weight<float>(ctx, s, here_x.view<const float>(),
                                               here_dy.view<const float>(), to);
  });
  REQUIRE(dweight.has_value());
  CHECK(relative_error(*dweight, exact.to_vector()) < 2e-5);
}

TEST_CASE("cuda: f32 convolutions in full never take a tensor core", "[ops][cuda]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1);
  for (const Layer& l : layers()) check_kernels<float>(context_of(device), l, "");
}

TEST_CASE("cuda: a pixel that is not finite reaches all that see it", "[ops][cuda][bf16][tma]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1, MatrixMath::tf32);
  CudaContext& ctx = context_of(device);
  const Conv2dShape s({1, 9, 9, 64}, {64, 3, 3, 64}, {.padding = 1});
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const double bad :
         {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
          std::numeric_limits<double>::quiet_NaN()}) {
      Values values(81 * 64, 1.0);
      values[(4 * 9 + 4) * 64 + 5] = bad;
      const Tensor x = on_gpu(ctx, {1, 9, 9, 64}, values, dtype);
      const Tensor weight = on_gpu(ctx, {64, 3, 3, 64}, Values(64 * 9 * 64, 1.0), dtype);
      const auto count = [&](auto zero) {
        using T = decltype(zero);
        const auto y = *result<T>(ctx, s.output(), [&](View<T> to) {
          kernels::conv2d_forward<T>(ctx, s, x.view<const T>(), weight.view<const T>(), {}, to);
          return true;
        });
        return std::count_if(y.begin(), y.end(), [](double v) { return !std::isfinite(v); });
      };
      INFO(name_of(dtype) << ", " << bad);
      CHECK((dtype == DType::f32 ? count(float{}) : count(bf16_t{})) == 9 * 64);
    }
}

TEST_CASE("cuda: recorded convolutions give the same bits", "[ops][cuda][bf16][tma]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1, MatrixMath::tf32);
  CudaContext& ctx = context_of(device);
  const Layer l{"shares", {2, 13, 13, 256}, {512, 3, 3, 256}, {.padding = 4, .dilation = 4}, "",
                ""};
  const Case<float> f32(ctx, l);
  const Case<bf16_t> bf16(ctx, l);
  const Tensor y = Tensor::empty(f32.s.output(), DType::f32, ctx.memory());
  const Tensor dweight = Tensor::empty(l.weight, DType::f32, ctx.memory());
  Repeated steps(device.context());
  for (int step = 0; step < 5; ++step) {
    ctx.fill(y, 7);
    ctx.fill(dweight, 7);
    steps.run([&] {
      kernels::conv2d_forward<float>(ctx, f32.s, f32.x.view<const float>(),
                                     f32.weight.view<const float>(), f32.bias.view<const float>(),
                                     y.view<float>());
      kernels::conv2d_backward_weight<bf16_t>(ctx, bf16.s, bf16.x.view<const bf16_t>(),
                                              bf16.dy.view<const bf16_t>(), dweight.view<float>());
    });
    INFO("step " << step);
    CHECK(values_of(ctx, y) == f32.y);
    CHECK(values_of(ctx, dweight) == bf16.dweight);
  }
}

TEST_CASE("cuda: a picture of more tiles than a grid's y holds", "[ops][cuda][tma]") {
  WEFT_NEEDS_CUDA();
  constexpr int64_t n = 2900, c = 8;  // 2900^2 / 128 = 65,704 tiles of 128 pixels
  const Device device(DeviceKind::cuda, 1, MatrixMath::tf32);
  CudaContext& ctx = context_of(device);
  Tape tape(device.context(), Tape::Mode::no_grad);
  const auto ones = [&](const Shape& shape) {
    const Var v = tape.constant(tape.empty(shape, DType::f32));
    ctx.fill(v.value(), 1);
    return v;
  };
  const auto holds = [&](const Tensor& y, double corner, double edge, double middle, int64_t side) {
    const Tensor host = to_host(device.context(), y);
    const float* at = host.data<const float>();
    int64_t wrong = 0;
    for (int64_t i = 0; i < host.numel(); ++i) {
      const int64_t row = i / c / side, column = i / c % side;
      const int edges = (row % (side - 1) == 0) + (column % (side - 1) == 0);
      const double want = edges == 2 ? corner : edges == 1 ? edge : middle;
      wrong += !(std::abs(at[i] - want) <= 1e-4 * std::abs(want));
    }
    CHECK(wrong == 0);
  };
  const Var x = ones({1, n, n, c}), weight = ones({c, 3, 3, c});
  const Conv2dShape s(x.shape(), weight.shape(), {.padding = 1});
  const Var y = conv2d(x, weight, {.padding = 1});
  holds(y.value(), 32, 48, 72, n);
  ctx.fill(y.value(), 0);
  CHECK(tensor_conv::forward<float>(ctx, s, x.value().view<const float>(),
                                    weight.value().view<const float>(), {},
                                    y.value().view<float>()));
  holds(y.value(), 32, 48, 72, n);
  holds(max_pool(y, {}).value(), 72, 72, 72, n / 2);
  const double all = n * n, inner = (n - 2) * (n - 2), edge = 4 * (n - 2);
  const double mean = (72 * inner + 48 * edge + 32 * 4) / all;
  const double var = (inner * std::pow(72 - mean, 2) + edge * std::pow(48 - mean, 2) +
                      4 * std::pow(32 - mean, 2)) /
                     all;
  const auto normal = [&](double v) { return 1 + (v - mean) / std::sqrt(var + 1e-5); };
  BatchNormStats stats{to_device(device.context(), Tensor::full({c}, 0)),
                       to_device(device.context(), Tensor::full({c}, 1)), 0};
  holds(batch_norm(y, ones({c}), ones({c}), stats).value(), normal(32), normal(48), normal(72), n);
}

}  // namespace weft
