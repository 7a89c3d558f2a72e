// mean_over_ranks: forward by the ranks' own sums, backward nothing.
#include "ops/over_ranks.h"

#include "engine/card_ranks.h"
#include "engine/device_tensor.h"
#include "engine/ranks.h"

namespace weft {
namespace {

struct MeanOverRanks final : Op {
  const char* name() const override { return "mean_over_ranks"; }
  void backward(Backward& b) override { b.pass(0, b.dout()); }
};

}  // namespace

Var mean_over_ranks(const Var& x, SourceLoc loc) {
  Ranks& ranks = current_ranks();
  if (ranks.alone()) return x;
  Tape& tape = Tape::of("mean_over_ranks", loc, x);
  if (ranks.cards() != nullptr && !x.value().on_host()) {
    const Tensor y = copy_of(tape.context(), x.value());
    ranks.cards()->mean(y);
    return tape.record(std::make_unique<MeanOverRanks>(), {x}, y, loc);
  }
  Tensor y = to_host(tape.context(), x.value()).clone();
  if (y.dtype() == DType::f64)
    ranks.mean(y.data<double>(), y.numel());
  else
    ranks.mean(y.data<float>(), y.numel());
  return tape.record(std::make_unique<MeanOverRanks>(), {x}, to_device(tape.context(), y), loc);
}

}  // namespace weft
