// Gumbel-softmax: checks, record and backward, and the sample on the host.
#include "ops/gumbel_softmax.h"

namespace weft {
namespace {

constexpr const char* op_name = "gumbel_softmax";

struct GumbelSoftmax final : Op {
  Tensor soft;
  double temperature;

  const char* name() const override { return op_name; }
  void backward(Backward& b) override {
    const Tensor dlogits = b.din(0);
    on_device_full(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::gumbel_softmax_backward<T>(ctx, soft.view<T>(), b.dout().view<T>(), temperature,
                                          dlogits.view<T>());
    });
  }
};

}  // namespace

Var gumbel_softmax(const Var& logits, double temperature, bool hard, const Noise& noise,
                   std::string_view name, SourceLoc loc) {
  Tape& tape = Tape::of("gumbel_softmax", loc, logits);
  if (logits.shape().rank() < 1)
    shape_error(op_name, loc, "logits need a last axis, got {}", logits.shape());
  if (!(temperature > 0))
    throw ConfigError(fmt::format("{}: the temperature must be above 0, got {} ({})", op_name,
                                  temperature, loc.str()));
  auto op = std::make_unique<GumbelSoftmax>();
  op->temperature = temperature;
  op->soft = tape.empty(logits.shape(), logits.dtype());
  Tensor y = hard ? tape.empty(logits.shape(), logits.dtype()) : op->soft;
  const Philox philox(noise.seed, Stream::gumbel, noise.step, name);
  on_device_full(tape, logits, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::gumbel_softmax_forward<T>(ctx, philox, logits.value().view<T>(), temperature, hard,
                                       op->soft.template view<T>(), y.view<T>());
  });
  return tape.record(std::move(op), {logits}, std::move(y), loc);
}

Tensor gumbel_sample(const Tensor& logits, double temperature, bool hard, const Noise& noise,
                     std::string_view name) {
  CpuContext ctx(1);
  Tape tape(&ctx, Tape::Mode::no_grad);
  return gumbel_softmax(tape.constant(logits), temperature, hard, noise, name).value();
}

}  // namespace weft
