// linear: checks, record and backward.
#include "ops/linear.h"

namespace weft {
namespace {

struct Linear final : Op {
  Tensor x, weight;  // x: where dweight is wanted; weight: where dx is
  bool has_bias = false;

  const char* name() const override { return "linear"; }

  void backward(Backward& b) override {
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const View<const T> dy = b.dout().view<T>();
      if (b.needs(0))
        kernels::linear_backward_input<T>(ctx, weight.view<T>(), dy, b.din_rows(0).view<T>());
      if (b.needs(1)) {
        const Tensor dweight = b.din(1);
        mark_written(dweight, [&] {
          return kernels::linear_backward_weight<T>(ctx, b.rows(x).view<T>(), dy,
                                                    dweight.view<T>());
        });
      }
      if (has_bias && b.needs(2)) kernels::bias_backward<T>(ctx, dy, b.din(2).view<T>());
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
  if (weight.dtype() != x.dtype() || (bias != nullptr && bias->dtype() != x.dtype()))
    shape_error("linear", loc, "input is {}, weight {}: they must have one dtype",
                name_of(x.dtype()), name_of(weight.dtype()));
  if (bias != nullptr && bias->shape() != Shape{ws[0]})
    shape_error("linear", loc, "bias must be [{}], one per output, and is {}", ws[0],
                bias->shape());
  Shape ys = xs;
  ys.set(xs.rank() - 1, ws[0]);
  Tensor y = tape.empty(ys, x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::linear_forward<T>(ctx, x.value().view<T>(), weight.value().view<T>(),
                               bias != nullptr ? bias->value().view<T>() : View<T>{}, y.view<T>());
  });
  auto op = std::make_unique<Linear>();
  if (weight.needs_grad()) op->x = x.value();
  if (x.needs_grad()) op->weight = weight.value();
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
