// rms_norm: checks, record and backward.
#include "ops/rms_norm.h"

namespace weft {
namespace {

struct RmsNorm final : Op {
  Tensor x, weight, r;  // weight: where dx is wanted

  const char* name() const override { return "rms_norm"; }
  void backward(Backward& b) override {
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      using Stat = stat_t<T>;
      const Tensor in = b.rows(x), scale = b.rows(r);
      const View<const T> dy = b.dout().view<T>();
      if (b.needs(0))
        kernels::rms_norm_backward_input<T>(ctx, in.view<T>(), weight.view<Stat>(),
                                            scale.view<Stat>(), dy, b.din_rows(0).view<T>());
      if (b.needs(1))
        kernels::rms_norm_backward_weight<T>(ctx, in.view<T>(), scale.view<Stat>(), dy,
                                             b.din(1).view<Stat>());
    });
  }
  bool by_rows(const Backward& b) const override { return b.input_shape(0).rank() > 1; }
};

}  // namespace

Var rms_norm(const Var& x, const Var& weight, double eps, SourceLoc loc) {
  Tape& tape = Tape::of("rms_norm", loc, x, weight);
  const Shape& shape = x.shape();
  if (shape.rank() < 1) shape_error("rms_norm", loc, "x needs a last axis, got {}", shape);
  const Shape channels = {shape.back()};
  const DType full = stat_dtype(x.dtype());
  if (weight.shape() != channels || weight.dtype() != full)
    shape_error("rms_norm", loc, "weight is {} {}, x {} {} needs {} {}", name_of(weight.dtype()),
                weight.shape(), name_of(x.dtype()), shape, name_of(full), channels);
  Shape rows = shape;
  rows.set(shape.rank() - 1, 1);
  auto op = std::make_unique<RmsNorm>();
  op->x = x.value();
  if (x.needs_grad()) op->weight = weight.value();
  op->r = tape.empty(rows, full);
  Tensor y = tape.empty(shape, x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    using Stat = stat_t<T>;
    kernels::rms_norm_forward<T>(ctx, x.value().view<T>(), weight.value().view<Stat>(), eps,
                                 op->r.template view<Stat>(), y.view<T>());
  });
  return tape.record(std::move(op), {x, weight}, std::move(y), loc);
}

}  // namespace weft
