// conv_transpose2d: checks, record and backward, by the kernels of the convolution that leads from y
// back to x.
#include "ops/conv_transpose2d.h"

#include <algorithm>
#include <limits>

#include "ops/conv2d_groups.h"
#include "ops/master_weight.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

struct ConvTranspose2d final : Op {
  Tensor x, weight;   // x: where dweight is wanted; weight, as x is: where dx is
  DType own;          // of the weight as it came
  Conv2dShape shape;  // of the convolution of y that has x's shape

  explicit ConvTranspose2d(const Conv2dShape& s) : shape(s) {}
  const char* name() const override { return "conv_transpose2d"; }

  void backward(Backward& b) override {
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const View<const T> dy = b.dout().view<T>();
      if (b.needs(0))
        conv_groups::forward<T>(ctx, shape, dy, weight.view<T>(), View<T>{}, b.din(0).view<T>());
      if (b.needs(1))
        weight_gradient(b, 1, own, [&](const Tensor& dweight) {
          mark_written(dweight, [&] {
            return conv_groups::backward_weight<T>(ctx, shape, dy, x.view<T>(),
                                                   dweight.view<stat_t<T>>());
          });
        });
    });
  }
};

int64_t extent(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
               int64_t more) {
  return (in - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + more;
}

/// The convolution that leads from y to x.
Conv2dShape check(const Var& x, const Var& weight, const ConvTranspose2dOptions& o, SourceLoc loc) {
  constexpr const char* op = "conv_transpose2d";
  const Shape &xs = x.shape(), &ws = weight.shape();
  if (xs.rank() != 4 || ws.rank() != 4)
    shape_error(op, loc, "needs input [N, H, W, C] and weight [C, R, S, K]: input {}, weight {}",
                xs, ws);
  if (xs[3] != ws[0])
    shape_error(op, loc, "weight expects {} input channels, input has {}: input {}, weight {}",
                ws[0], xs[3], xs, ws);
  if (o.groups < 1 || ws[0] % o.groups != 0)
    shape_error(op, loc, "groups must be at least 1 and divide the inputs: {} of weight {}",
                o.groups, ws);
  check_weight_dtype(op, x, weight, nullptr, loc);
  if (ws.numel() == 0 || xs.inner(1) == 0)
    shape_error(op, loc, "an image or a kernel without elements: input {}, weight {}", xs, ws);
  for (const Extent2& e : {o.stride, o.dilation})
    if (e.h < 1 || e.w < 1)
      shape_error(op, loc, "stride and dilation must be at least 1: {} x {}", e.h, e.w);
  if (o.padding.h < 0 || o.padding.w < 0)
    shape_error(op, loc, "padding must not be negative: {} x {}", o.padding.h, o.padding.w);
  const Extent2& more = o.output_padding;
  if (more.h < 0 || more.w < 0 || more.h >= o.stride.h || more.w >= o.stride.w)
    shape_error(op, loc,
                "output_padding must be at least 0 and less than stride, or y has pixels that no "
                "stride leads to: {} x {}, stride {} x {}",
                more.h, more.w, o.stride.h, o.stride.w);
  const int64_t p = extent(xs[1], ws[1], o.stride.h, o.padding.h, o.dilation.h, more.h);
  const int64_t q = extent(xs[2], ws[2], o.stride.w, o.padding.w, o.dilation.w, more.w);
  if (p < 1 || q < 1)
    shape_error(op, loc, "the padding leaves an output of {} x {}: input {}, weight {}", p, q, xs,
                ws);
  const Conv2dShape shape(
      {xs[0], p, q, o.groups * ws[3]}, ws,
      {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups});
  if (std::max(shape.input_pixels(), shape.output_pixels()) > std::numeric_limits<int32_t>::max())
    shape_error(op, loc, "more than 2^31 pixels in one call: input {}", xs);
  return shape;
}

}  // namespace

Var conv_transpose2d(const Var& x, const Var& weight, const ConvTranspose2dOptions& options,
                     SourceLoc loc) {
  Tape& tape = Tape::of("conv_transpose2d", loc, x, weight);
  auto op = std::make_unique<ConvTranspose2d>(check(x, weight, options, loc));
  const Conv2dShape& shape = op->shape;
  Tensor y = tape.empty({shape.n, shape.h, shape.w, shape.c}, x.dtype());
  const Tensor rounded = rounded_weight(tape.context(), weight, x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    conv_groups::backward_input<T>(ctx, shape, rounded.view<T>(), x.value().view<T>(), y.view<T>());
  });
  if (weight.needs_grad()) op->x = x.value();
  if (x.needs_grad()) op->weight = rounded;
  op->own = weight.dtype();
  return tape.record(std::move(op), {x, weight}, std::move(y), loc);
}

Var conv_transpose2d(const Var& x, const Var& weight, const Var& bias,
                     const ConvTranspose2dOptions& options, SourceLoc loc) {
  const Var y = conv_transpose2d(x, weight, options, loc);
  if (bias.shape() != Shape{y.shape()[3]})
    shape_error("conv_transpose2d", loc, "bias must be [{}], one per output channel, and is {}",
                y.shape()[3], bias.shape());
  return add(y, cast(bias, y.dtype(), loc), loc);
}

}  // namespace weft
