// Dropout, alone and behind a relu: checks, recording and backward.
#include "ops/dropout.h"

#include "engine/ranks.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

struct Dropout final : Op {
  Philox philox;
  uint64_t first;
  double p;

  Dropout(const Philox& philox_, uint64_t first_, double p_)
      : philox(philox_), first(first_), p(p_) {}
  const char* name() const override { return "dropout"; }
  void backward(Backward& b) override {
    Tensor dx = b.din(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::dropout<T>(ctx, philox, first, p, b.dout().view<T>(), dx.view<T>());
    });
  }
};

struct ReluDropout final : Op {
  Tensor y;
  double p;

  ReluDropout(Tensor y_, double p_) : y(std::move(y_)), p(p_) {}
  const char* name() const override { return "relu_dropout"; }
  void backward(Backward& b) override {
    const Tensor dx = b.over_dout();
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::relu_dropout_backward<T>(ctx, p, y.view<T>(), b.dout().view<T>(), dx.view<T>());
    });
    b.pass(0, dx);
  }
};

void check_probability(const char* op, double p, const Var& x, SourceLoc loc) {
  if (!(p >= 0 && p < 1))
    shape_error(op, loc, "p must be in [0, 1), it is {} (x {})", p, x.shape());
}

/// Where this rank's rows begin in the batch.
uint64_t first_element(const Var& x) {
  return static_cast<uint64_t>(current_ranks().rank()) * static_cast<uint64_t>(x.value().numel());
}

}  // namespace

Var dropout(const Var& x, double p, const Noise& noise, std::string_view name, SourceLoc loc) {
  Tape& tape = Tape::of("dropout", loc, x);
  check_probability("dropout", p, x, loc);
  if (p == 0) return x;
  const Philox philox(noise.seed, Stream::dropout, noise.step, name);
  const uint64_t first = first_element(x);
  Tensor y = tape.empty(x.shape(), x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::dropout<T>(ctx, philox, first, p, x.value().view<T>(), y.view<T>());
  });
  return tape.record(std::make_unique<Dropout>(philox, first, p), {x}, std::move(y), loc);
}

Var relu_dropout(const Var& x, double p, const Noise& noise, std::string_view name, SourceLoc loc) {
  Tape& tape = Tape::of("relu_dropout", loc, x);
  check_probability("relu_dropout", p, x, loc);
  if (p == 0) return relu(x, loc);
  const Philox philox(noise.seed, Stream::dropout, noise.step, name);
  const uint64_t first = first_element(x);
  Tensor y = tape.empty(x.shape(), x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::relu_dropout_forward<T>(ctx, philox, first, p, x.value().view<T>(), y.view<T>());
  });
  return tape.record(std::make_unique<ReluDropout>(y, p), {x}, y, loc);
}

}  // namespace weft
