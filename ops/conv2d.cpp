// conv2d: checks, sizes, record and backward.
#include "ops/conv2d.h"

#include <algorithm>
#include <limits>

#include "engine/trace.h"
#include "ops/conv2d_groups.h"
#include "ops/linear.h"
#include "ops/master_weight.h"

namespace weft {
namespace {

int64_t outputs(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
  const int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

Conv2dShape::Range valid(int64_t tap, int64_t in, int64_t out, int64_t stride, int64_t padding,
                         int64_t dilation) {
  // Output o reads o * stride - offset, which must lie in 0 .. in-1.
  const int64_t offset = padding - tap * dilation;
  const int64_t begin = offset <= 0 ? 0 : (offset + stride - 1) / stride;
  const int64_t end = in - 1 + offset < 0 ? 0 : (in - 1 + offset) / stride + 1;
  const int64_t last = std::min(out, end);
  return {std::min(begin, last), last};
}

struct Conv2d final : Op, Described {
  Tensor x, weight;  // x: where dweight is wanted; weight, as x is: where dx is
  DType own;         // of weight and bias as they came
  Conv2dShape shape;
  bool has_bias = false;

  explicit Conv2d(const Conv2dShape& s) : shape(s) {}
  const char* name() const override { return "conv2d"; }

  void backward(Backward& b) override {
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const View<const T> dy = b.dout().view<T>();
      Conv2dShape images = shape;
      images.n = b.dout().shape()[0];
      if (b.needs(0) && !adds_input_gradient<T>(ctx, b, images))
        conv_groups::backward_input<T>(ctx, images, weight.view<T>(), dy, b.din_rows(0).view<T>());
      if (b.needs(1))
        weight_gradient(b, 1, own, [&](const Tensor& dweight) {
          mark_written(dweight, [&] {
            return conv_groups::backward_weight<T>(ctx, images, b.rows(x).view<T>(), dy,
                                                   dweight.view<stat_t<T>>());
          });
        });
      if (has_bias && b.needs(2))
        weight_gradient(b, 2, own, [&](const Tensor& dbias) {
          kernels::bias_backward<T>(ctx, dy, dbias.view<stat_t<T>>());
        });
    });
  }
  /// dx onto what other ops gave x, by a kernel that adds as it stores: K branches of one map so write
  /// one gradient.
  template <class T, class Context>
  bool adds_input_gradient(Context& ctx, const Backward& b, const Conv2dShape& images) const {
    if constexpr (std::is_same_v<Context, CpuContext>) {
      return false;
    } else {
      if (images.options.groups != 1) return false;
      const Tensor sum = b.onto(0);
      return sum.defined() && kernels::conv2d_backward_input_onto<T>(
                                  ctx, images, weight.view<T>(), b.dout().view<T>(), sum.view<T>());
    }
  }
  bool by_rows(const Backward&) const override { return true; }
  Attributes attributes() const override {
    const auto pair = [](const Extent2& e) {
      return std::vector{static_cast<double>(e.h), static_cast<double>(e.w)};
    };
    const Conv2dOptions& o = shape.options;
    return {{{"stride", pair(o.stride)},
             {"padding", pair(o.padding)},
             {"dilation", pair(o.dilation)},
             {"groups", {static_cast<double>(o.groups)}}},
            {}};
  }
};

void check(const Var& x, const Var& weight, const Var* bias, const Conv2dOptions& o,
           SourceLoc loc) {
  const Shape &xs = x.shape(), &ws = weight.shape();
  if (xs.rank() != 4 || ws.rank() != 4)
    shape_error("conv2d", loc,
                "needs input [N, H, W, C] and weight [K, R, S, C]: input {}, weight {}", xs, ws);
  if (o.groups < 1 || ws[0] % o.groups != 0)
    shape_error("conv2d", loc, "groups must be at least 1 and divide the outputs: {} of weight {}",
                o.groups, ws);
  if (xs[3] != o.groups * ws[3])
    shape_error("conv2d", loc,
                "weight expects {} input channels{}, input has {}: input {}, weight {}",
                o.groups * ws[3], o.groups > 1 ? fmt::format(" in {} groups", o.groups) : "", xs[3],
                xs, ws);
  check_weight_dtype("conv2d", x, weight, bias, loc);
  if (bias != nullptr && bias->shape() != Shape{ws[0]})
    shape_error("conv2d", loc, "bias must be [{}], one per output channel, and is {}", ws[0],
                bias->shape());
  if (ws.numel() == 0 || xs.inner(1) == 0)
    shape_error("conv2d", loc, "an image or a kernel without elements: input {}, weight {}", xs,
                ws);
  for (const Extent2& e : {o.stride, o.dilation})
    if (e.h < 1 || e.w < 1)
      shape_error("conv2d", loc, "stride and dilation must be at least 1: {} x {}", e.h, e.w);
  if (o.padding.h < 0 || o.padding.w < 0)
    shape_error("conv2d", loc, "padding must not be negative: {} x {}", o.padding.h, o.padding.w);
  const Conv2dShape shape(xs, ws, o);
  if (shape.p == 0 || shape.q == 0)
    shape_error("conv2d", loc,
                "the kernel spans {} x {}, the padded input is {} x {}: input {}, "
                "weight {}",
                o.dilation.h * (shape.r - 1) + 1, o.dilation.w * (shape.s - 1) + 1,
                shape.h + 2 * o.padding.h, shape.w + 2 * o.padding.w, xs, ws);
  if (std::max(shape.input_pixels(), shape.output_pixels()) > std::numeric_limits<int32_t>::max())
    shape_error("conv2d", loc, "more than 2^31 pixels in one call: input {}", xs);
}

Var convolve(const Var& x, const Var& weight, const Var* bias, const Conv2dOptions& options,
             SourceLoc loc) {
  Tape& tape = Tape::of("conv2d", loc, x, weight, bias != nullptr ? *bias : Var());
  check(x, weight, bias, options, loc);
  auto op = std::make_unique<Conv2d>(Conv2dShape(x.shape(), weight.shape(), options));
  const Conv2dShape& shape = op->shape;
  Tensor y = tape.empty(shape.output(), x.dtype());
  const auto as_x = [&](const Var& v) { return rounded_weight(tape.context(), v, x.dtype()); };
  const Tensor rounded = as_x(weight), offset = bias != nullptr ? as_x(*bias) : Tensor();
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    conv_groups::forward<T>(ctx, shape, x.value().view<T>(), rounded.view<T>(),
                            offset.defined() ? offset.view<T>() : View<T>{}, y.view<T>());
  });
  if (weight.needs_grad()) op->x = x.value();
  if (x.needs_grad()) op->weight = rounded;
  op->own = weight.dtype();
  op->has_bias = bias != nullptr;
  std::vector<Var> inputs{x, weight};
  if (bias != nullptr) inputs.push_back(*bias);
  return tape.record(std::move(op), inputs, std::move(y), loc);
}

}  // namespace

Conv2dShape::Conv2dShape(const Shape& x, const Shape& weight, const Conv2dOptions& o)
    : n(x[0]),
      h(x[1]),
      w(x[2]),
      c(x[3]),
      k(weight[0]),
      r(weight[1]),
      s(weight[2]),
      p(outputs(h, r, o.stride.h, o.padding.h, o.dilation.h)),
      q(outputs(w, s, o.stride.w, o.padding.w, o.dilation.w)),
      options(o) {}

Conv2dShape::Range Conv2dShape::valid_rows(int64_t tap_row) const {
  return valid(tap_row, h, p, options.stride.h, options.padding.h, options.dilation.h);
}

Conv2dShape::Range Conv2dShape::valid_columns(int64_t tap_column) const {
  return valid(tap_column, w, q, options.stride.w, options.padding.w, options.dilation.w);
}

int64_t conv2d_macs(const Conv2dShape& s) {
  return s.output_pixels() * s.k * s.taps() * s.group_channels();
}

int64_t conv2d_useful_macs(const Conv2dShape& s) {
  int64_t rows = 0, columns = 0;
  for (int64_t r = 0; r < s.r; ++r) rows += s.valid_rows(r).size();
  for (int64_t t = 0; t < s.s; ++t) columns += s.valid_columns(t).size();
  return s.n * rows * columns * s.k * s.group_channels();
}

Var conv2d(const Var& x, const Var& weight, const Conv2dOptions& options, SourceLoc loc) {
  return convolve(x, weight, nullptr, options, loc);
}

Var conv2d(const Var& x, const Var& weight, const Var& bias, const Conv2dOptions& options,
           SourceLoc loc) {
  return convolve(x, weight, &bias, options, loc);
}

}  // namespace weft
