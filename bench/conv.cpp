// Convolutions layer by layer, on the shapes that a crop gives the Deeplab ResNet-18 and its ASPP
// heads: minimum over repeats of forward, dgrad and wgrad, each beside its GFLOP/s and its share of
// the measured peak. Useful work leaves out taps that see only padding; that is what is shared.
// On a GPU, layers of few outputs are shown by cuBLAS as well, which is not what weft runs them by.
// --errors 1: instead of times, ||a - b|| / ||b|| of each beside the CPU's f64 on the same operands.
#include "ops/cast.h"
#include "ops/conv2d.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <type_traits>

#include "bench/bench.h"
#include "engine/cuda/gemm.h"
#include "engine/device.h"
#include "engine/philox.h"
#include "train/compare/ceiling.h"

namespace weft::bench {
namespace {

struct Layer {
  std::string name;
  int64_t size, in, out, kernel;  // size: height and width of the input
  Conv2dOptions options;
  bool by_cublas = false;  // a 1x1
};

int64_t halved(int64_t size) { return (size + 1) / 2; }

std::vector<Layer> layers(int64_t crop, bool gpu) {
  const int64_t pooled = halved(halved(crop)), map = halved(pooled);
  std::vector<Layer> list{
      {"stem 7x7 / 2, 3 to 64", crop, 3, 64, 7, {.stride = 2, .padding = 3}},
      {"layer1 3x3, 64", pooled, 64, 64, 3, {.padding = 1}},
      {"layer2 3x3 / 2, 64 to 128", pooled, 64, 128, 3, {.stride = 2, .padding = 1}},
      {"layer2 1x1 / 2, 64 to 128", pooled, 64, 128, 1, {.stride = 2}},
      {"layer2 3x3, 128", map, 128, 128, 3, {.padding = 1}},
      {"layer3 3x3 d2, 128 to 256", map, 128, 256, 3, {.padding = 2, .dilation = 2}},
      {"layer3 3x3 d2, 256", map, 256, 256, 3, {.padding = 2, .dilation = 2}},
      {"layer4 3x3 d4, 256 to 512", map, 256, 512, 3, {.padding = 4, .dilation = 4}},
      {"layer4 3x3 d4, 512", map, 512, 512, 3, {.padding = 4, .dilation = 4}}};
  for (const int64_t d : {6, 12, 18, 24})
    list.push_back({fmt::format("ASPP 3x3 d{}, 512 to 1024", d),
                    map,
                    512,
                    1024,
                    3,
                    {.padding = d, .dilation = d}});
  list.push_back({"ASPP 1x1, 1024", map, 1024, 1024, 1, {}});
  for (const int64_t out : {40, 13, 3, 1}) {
    list.push_back({fmt::format("ASPP 1x1, 1024 to {}", out), map, 1024, out, 1, {}});
    if (gpu && out < 40) list.push_back({"  the same by cuBLAS", map, 1024, out, 1, {}, true});
  }
  return list;
}

Tensor random(const Shape& shape, DType dtype) {
  std::vector<double> values;
  const Philox philox(7, Stream::data, 0, "bench");
  for (int64_t i = 0; i < shape.numel(); ++i)
    values.push_back(philox.uniform(static_cast<uint64_t>(i)) - 0.5);
  return Tensor::from(shape, values, dtype);
}

/// ||a - b|| / ||b||
double error(const Tensor& a, const Tensor& b) {
  const std::vector<double> of_a = a.to_vector(), of_b = b.to_vector();
  double apart = 0, size = 0;
  for (size_t i = 0; i < of_b.size(); ++i) {
    apart += (of_a[i] - of_b[i]) * (of_a[i] - of_b[i]);
    size += of_b[i] * of_b[i];
  }
  return std::sqrt(apart / std::max(size, 1e-300));
}

/// One layer's row of errors, of f32 however it is multiplied.
void show_errors(const Layer& l, const AnyContext& context, int64_t batch, int threads) {
  const Shape x_shape{batch, l.size, l.size, l.in}, weight_shape{l.out, l.kernel, l.kernel, l.in};
  const Conv2dShape s(x_shape, weight_shape, l.options);
  const Tensor host_x = random(x_shape, DType::f32), host_weight = random(weight_shape, DType::f32);
  const Tensor host_dy = random(s.output(), DType::f32);
  const auto here = [&](const Tensor& t) { return to_device(context, t); };
  const Tensor x = here(host_x), weight = here(host_weight), dy = here(host_dy);
  const auto empty = [&](const Shape& shape) { return here(Tensor::full(shape, 0, DType::f32)); };
  const Tensor y = empty(s.output()), dx = empty(x_shape), dweight = empty(weight_shape);
  std::visit(
      [&](auto* ctx) {
        const auto vx = x.view<const float>(), vw = weight.view<const float>();
        const auto vdy = dy.view<const float>();
        kernels::conv2d_forward<float>(*ctx, s, vx, vw, {}, y.view<float>());
        if (l.in != 3) kernels::conv2d_backward_input<float>(*ctx, s, vw, vdy, dx.view<float>());
        kernels::conv2d_backward_weight<float>(*ctx, s, vx, vdy, dweight.view<float>());
      },
      context);
  const auto wide = [](const Tensor& t) {
    return Tensor::from(t.shape(), t.to_vector(), DType::f64);
  };
  const Tensor wide_x = wide(host_x), wide_weight = wide(host_weight), wide_dy = wide(host_dy);
  const auto vx = wide_x.view<const double>(), vw = wide_weight.view<const double>();
  const auto vdy = wide_dy.view<const double>();
  CpuContext cpu(threads);
  const auto exact = [](const Shape& shape, auto&& kernel) {
    const Tensor t = Tensor::empty(shape, DType::f64);
    kernel(t.view<double>());
    return t;
  };
  fmt::print("{:28}{:>7}", l.name, "");
  const auto show = [](double e) { fmt::print("{:>25.2e}", e); };
  show(error(to_host(context, y), exact(s.output(), [&](auto to) {
               kernels::conv2d_forward<double>(cpu, s, vx, vw, {}, to);
             })));
  if (l.in == 3)
    fmt::print("{:>25}", "images need none");
  else
    show(error(to_host(context, dx), exact(x_shape, [&](auto to) {
                 kernels::conv2d_backward_input<double>(cpu, s, vw, vdy, to);
               })));
  show(error(to_host(context, dweight), exact(weight_shape, [&](auto to) {
               kernels::conv2d_backward_weight<double>(cpu, s, vx, vdy, to);
             })));
  fmt::print("\n");
}

/// The three products of a layer: what weft runs it by, or of a 1x1 cuBLAS's.
template <class T>
struct Products {
  const Conv2dShape& s;
  bool by_cublas;

  template <class Context>
  void forward(Context& ctx, View<const T> x, View<const T> weight, View<T> y) const {
    if constexpr (std::is_same_v<Context, CudaContext>)
      if (by_cublas)
        return gemm<T>(ctx, s.output_pixels(), s.k, s.c, {x.data, s.c}, {weight.data, s.c, true}, 0,
                       y.data, s.k);
    kernels::conv2d_forward<T>(ctx, s, x, weight, {}, y);
  }
  template <class Context>
  void backward_input(Context& ctx, View<const T> weight, View<const T> dy, View<T> dx) const {
    if constexpr (std::is_same_v<Context, CudaContext>)
      if (by_cublas)
        return gemm<T>(ctx, s.output_pixels(), s.c, s.k, {dy.data, s.k}, {weight.data, s.c}, 0,
                       dx.data, s.c);
    kernels::conv2d_backward_input<T>(ctx, s, weight, dy, dx);
  }
  template <class Context>
  void backward_weight(Context& ctx, View<const T> x, View<const T> dy, View<stat_t<T>> dw) const {
    if constexpr (std::is_same_v<Context, CudaContext>)
      if (by_cublas)
        return gemm<T>(ctx, s.k, s.c, s.output_pixels(), {dy.data, s.k, true}, {x.data, s.c}, 0,
                       dw.data, s.c);
    kernels::conv2d_backward_weight<T>(ctx, s, x, dy, dw);
  }
};

/// One layer's row: forward, dgrad, wgrad. Returns the milliseconds of all three.
template <class T>
double measure(const Layer& l, const AnyContext& context, int64_t batch, int64_t reps,
               double peak) {
  const Shape weight_shape{l.out, l.kernel, l.kernel, l.in};
  const Conv2dShape s({batch, l.size, l.size, l.in}, weight_shape, l.options);
  const Tape tape(context, Tape::Mode::no_grad);
  const auto here = [&](const Shape& shape) {  // bf16 is made where it is computed with
    return cast(tape.constant(to_device(context, random(shape, stat_dtype(dtype_of<T>())))),
                dtype_of<T>())
        .value();
  };
  const Tensor x = here({batch, l.size, l.size, l.in}), weight = here(weight_shape);
  const Tensor y = here(s.output()), dx = here(x.shape());
  const Tensor dweight = to_device(context, random(weight_shape, stat_dtype(dtype_of<T>())));
  const double useful = 2e-6 * static_cast<double>(conv2d_useful_macs(s));
  const double dense = 2e-6 * static_cast<double>(conv2d_macs(s));
  fmt::print("{:28}{:>6.0f}%", l.name, 100 * useful / dense);
  double total = 0;
  const auto on = [&](auto&& kernel) {
    const double ms = least_milliseconds(context, reps, [&] {
      std::visit(
          [&](auto* ctx) {
            if constexpr (std::decay_t<decltype(*ctx)>::template supports<T>) kernel(*ctx);
          },
          context);
    });
    total += ms;
    fmt::print("{:>10.4f}{:>9.1f}{:>5.0f}%", ms, useful / ms, 100 * useful / ms / peak);
    std::fflush(stdout);
  };
  const auto vx = x.view<const T>(), vw = weight.view<const T>();
  const auto vy = y.view<T>();
  const Products<T> products{s, l.by_cublas};
  on([&](auto& ctx) { products.forward(ctx, vx, vw, vy); });
  if (l.in == 3)
    fmt::print("{:>25}", "images need none");
  else
    on([&](auto& ctx) { products.backward_input(ctx, vw, vy, dx.view<T>()); });
  on([&](auto& ctx) { products.backward_weight(ctx, vx, vy, dweight.view<stat_t<T>>()); });
  fmt::print("\n");
  return l.by_cublas ? 0 : total;
}

}  // namespace

void conv(const Arguments& arguments) {
  const int64_t batch = arguments.number("batch", 2), crop = arguments.number("crop", 97);
  const int64_t reps = arguments.number("reps", 10);
  const int threads = static_cast<int>(arguments.number("threads", physical_cores()));
  const auto precision = from_word<Precision>("--precision", arguments.text("precision", "f32"));
  const bool errors = arguments.number("errors", 0) != 0;
  const auto kind = from_word<DeviceKind>("--device", arguments.text("device", "cpu"));
  const bool of_gpu = precision == Precision::tf32 || precision == Precision::f32_fma;
  if (precision == Precision::f64 || (of_gpu && kind == DeviceKind::cpu))
    throw ConfigError(
        fmt::format("conv: --precision {}: f32, bf16, or with --device cuda f32_fma or tf32",
                    name_of(precision)));
  const Device device(kind, threads, matrix_math(precision, kind));
  const AnyContext context = device.context();
  const bool bf16 = precision == Precision::bf16 && kind == DeviceKind::cuda;
  if (errors && bf16) throw ConfigError("conv: --errors is of f32, f32_fma and tf32, not of bf16");
  const double peak = errors                     ? 0
                      : is_asynchronous(context) ? matrix_peak_gflops(context, precision)
                                                 : cpu_peak_gflops(threads, precision);
  const std::string what =
      errors ? "errors against f64"
             : fmt::format("peak {:.0f} GFLOP/s: ms, useful GFLOP/s, share", peak);
  fmt::print("batch {}, crop {}, {}, {}, {}\n", batch, crop, device.describe(), name_of(precision),
             what);
  fmt::print("{:28}{:>7}{:>25}{:>25}{:>25}\n", "layer", "useful", "forward", "dgrad", "wgrad");
  if (errors) {
    for (const Layer& l : layers(crop, false)) show_errors(l, context, batch, threads);
    return;
  }
  double total = 0;
  for (const Layer& l : layers(crop, is_asynchronous(context)))
    total += bf16 ? measure<bf16_t>(l, context, batch, reps, peak)
                  : measure<float>(l, context, batch, reps, peak);
  fmt::print("{:28}{:>17.4f} ms\n", "one of each", total);
}

}  // namespace weft::bench
