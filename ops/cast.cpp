// cast: two dispatches, one for each end.
#include "ops/cast.h"

namespace weft {

Tensor converted(const AnyContext& context, const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::empty(x.shape(), dtype, memory_of(context));
  on_device(context, x.dtype(), [&](auto&, auto from) {
    on_device(context, dtype, [&](auto& ctx, auto to) {
      kernels::cast<decltype(from), decltype(to)>(ctx, x.view<decltype(from)>(),
                                                  y.view<decltype(to)>());
    });
  });
  return y;
}

namespace {

struct Cast final : Op {
  DType from;

  explicit Cast(DType from_) : from(from_) {}
  const char* name() const override { return "cast"; }
  void backward(Backward& b) override { b.pass(0, converted(b.context(), b.dout(), from)); }
};

}  // namespace

Var cast(const Var& x, DType dtype, SourceLoc loc) {
  if (x.dtype() == dtype) return x;
  Tape& tape = Tape::of("cast", loc, x);
  Tensor y = converted(tape.context(), x.value(), dtype);
  return tape.record(std::make_unique<Cast>(x.dtype()), {x}, std::move(y), loc);
}

}  // namespace weft
