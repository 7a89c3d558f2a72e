// linear: checks, record and backward.
#include "ops/linear.h"

#include "ops/master_weight.h"

namespace weft {
namespace {

struct Linear final : Op {
  Tensor x, weight;  // x: where dweight is wanted; weight, as x is: where dx is
  DType own;         // of weight and bias as they came
  bool has_bias = false;

  const char* name() const override { return "linear"; }

  void backward(Backward& b) override {
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const View<const T> dy = b.dout().view<T>();
      if (b.needs(0))
        kernels::linear_backward_input<T>(ctx, weight.view<T>(), dy, b.din_rows(0).view<T>());
      if (b.needs(1))
        weight_gradient(b, 1, own, [&](const Tensor& dweight) {
          mark_written(dweight, [&] {
            return kernels::linear_backward_weight<T>(ctx, b.rows(x).view<T>(), dy,
                                                      dweight.view<stat_t<T>>());
          });
        });
      if (has_bias && b.needs(2))
        weight_gradient(b, 2, own, [&](const Tensor& dbias) {
          kernels::bias_backward<T>(ctx, dy, dbias.view<stat_t<T>>());
        });
    });
  }
  bool by_rows(const Backward& b) const override { return b.input_shape(0).rank() > 1; }
};

Var apply(const Var& x, const Var& weight, const Var* bias, SourceLoc loc) {
  Tape& tape = Tape::of("linear", loc, x, weight, bias != nullptr ? *bias : Var());
  const Shape &xs = x.shape(), &ws = weight.shape();
  if (xs.rank() < 1 || ws.rank() != 2 || xs.back() != ws[1])
    shape_error("linear", loc, "needs input [.., I] and weight [O, I]: input {}, weight {}", xs,
                ws);
  if (ws.numel() == 0) shape_error("linear", loc, "a weight without elements: {}", ws);
  check_weight_dtype("linear", x, weight, bias, loc);
  if (bias != nullptr && bias->shape() != Shape{ws[0]})
    shape_error("linear", loc, "bias must be [{}], one per output, and is {}", ws[0],
                bias->shape());
  Shape ys = xs;
  ys.set(xs.rank() - 1, ws[0]);
  Tensor y = tape.empty(ys, x.dtype());
  const auto as_x = [&](const Var& v) { return rounded_weight(tape.context(), v, x.dtype()); };
  const Tensor rounded = as_x(weight), offset = bias != nullptr ? as_x(*bias) : Tensor();
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::linear_forward<T>(ctx, x.value().view<T>(), rounded.view<T>(),
                               offset.defined() ? offset.view<T>() : View<T>{}, y.view<T>());
  });
  auto op = std::make_unique<Linear>();
  op->own = weight.dtype();
  if (weight.needs_grad()) op->x = x.value();
  if (x.needs_grad()) op->weight = rounded;
  op->has_bias = bias != nullptr;
  std::vector<Var> inputs{x, weight};
  if (bias != nullptr) inputs.push_back(*bias);
  return tape.record(std::move(op), inputs, std::move(y), loc);
}

}  // namespace

Var linear(const Var& x, const Var& weight, SourceLoc loc) {
  return apply(x, weight, nullptr, loc);
}

Var linear(const Var& x, const Var& weight, const Var& bias, SourceLoc loc) {
  return apply(x, weight, &bias, loc);
}

}  // namespace weft
