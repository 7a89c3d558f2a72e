// add_relu: checks, record and backward.
#include "ops/add_relu.h"

#include "engine/error.h"

namespace weft {
namespace {

struct AddRelu final : Op {
  Tensor positive;  // [N, bytes of a row]

  explicit AddRelu(Tensor positive_) : positive(std::move(positive_)) {}
  const char* name() const override { return "add_relu"; }
  void backward(Backward& b) override {
    const Tensor dx = b.over_dout();
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::add_relu_backward<T>(ctx, b.rows(positive).view<uint8_t>(), b.dout().view<T>(),
                                    dx.view<T>());
    });
    for (int i : {0, 1})
      if (b.needs(i)) b.pass(i, dx);  // one gradient for both, sharing its bytes
  }
  bool by_rows(const Backward&) const override { return true; }
};

}  // namespace

Var add_relu(const Var& x, const Var& r, SourceLoc loc) {
  Tape& tape = Tape::of("add_relu", loc, x, r);
  if (x.dtype() != r.dtype())
    shape_error("add_relu", loc, "operands differ in type: x {} {}, r {} {}", name_of(x.dtype()),
                x.shape(), name_of(r.dtype()), r.shape());
  if (x.shape() != r.shape())
    shape_error("add_relu", loc, "x {} and r {} differ in shape; add() broadcasts", x.shape(),
                r.shape());
  const bool recorded = tape.recording() && (x.needs_grad() || r.needs_grad());
  Tensor y = tape.empty(x.shape(), x.dtype()), positive;
  const SignBits bits(x.shape());
  if (recorded) positive = tape.empty({bits.rows, bits.row_bytes}, DType::u8);
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::add_relu_forward<T>(ctx, x.value().view<T>(), r.value().view<T>(), y.view<T>(),
                                 recorded ? positive.view<uint8_t>() : View<uint8_t>{});
  });
  return tape.record(std::make_unique<AddRelu>(std::move(positive)), {x, r}, std::move(y), loc);
}

}  // namespace weft
