// softmax and log_softmax: checks, record and backward.
#include "ops/softmax.h"

namespace weft {
namespace {

struct Softmax final : Op {
  Tensor y;

  const char* name() const override { return "softmax"; }
  void backward(Backward& b) override {
    const Tensor dx = b.din(0);
    on_device_full(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::softmax_backward<T>(ctx, y.view<T>(), b.dout().view<T>(), dx.view<T>());
    });
  }
};

struct LogSoftmax final : Op {
  Tensor y;

  const char* name() const override { return "log_softmax"; }
  void backward(Backward& b) override {
    const Tensor dx = b.din(0);
    on_device_full(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::log_softmax_backward<T>(ctx, y.view<T>(), b.dout().view<T>(), dx.view<T>());
    });
  }
};

void check(const char* op, const Var& x, SourceLoc loc) {
  if (x.shape().rank() < 1) shape_error(op, loc, "x needs a last axis, got {}", x.shape());
}

}  // namespace

Var softmax(const Var& x, SourceLoc loc) {
  Tape& tape = Tape::of("softmax", loc, x);
  check("softmax", x, loc);
  auto op = std::make_unique<Softmax>();
  const Tensor y = op->y = tape.empty(x.shape(), x.dtype());
  on_device_full(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::softmax_forward<T>(ctx, x.value().view<T>(), y.view<T>());
  });
  return tape.record(std::move(op), {x}, y, loc);
}

Var log_softmax(const Var& x, SourceLoc loc) {
  Tape& tape = Tape::of("log_softmax", loc, x);
  check("log_softmax", x, loc);
  auto op = std::make_unique<LogSoftmax>();
  const Tensor y = op->y = tape.empty(x.shape(), x.dtype());
  on_device_full(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::log_softmax_forward<T>(ctx, x.value().view<T>(), y.view<T>());
  });
  return tape.record(std::move(op), {x}, y, loc);
}

}  // namespace weft
