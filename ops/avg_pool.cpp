// avg_pool and global_avg_pool: checks, record and backward.
#include "ops/avg_pool.h"

#include "ops/reduce.h"
#include "ops/reshape.h"

namespace weft {
namespace {

struct AvgPool final : Op {
  PoolOptions options;

  const char* name() const override { return "avg_pool"; }
  void backward(Backward& b) override {
    const Tensor dx = b.din(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::avg_pool_backward<T>(ctx, b.dout().view<T>(), options, dx.view<T>());
    });
  }
};

}  // namespace

Var avg_pool(const Var& x, const PoolOptions& options, SourceLoc loc) {
  Tape& tape = Tape::of("avg_pool", loc, x);
  Tensor y = tape.empty(pooled_shape("avg_pool", x.shape(), options, loc), x.dtype());
  auto op = std::make_unique<AvgPool>();
  op->options = options;
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::avg_pool_forward<T>(ctx, x.value().view<T>(), options, y.view<T>());
  });
  return tape.record(std::move(op), {x}, std::move(y), loc);
}

Var global_avg_pool(const Var& x, SourceLoc loc) {
  const Shape& shape = x.shape();
  if (shape.rank() != 4 || shape[1] < 1 || shape[2] < 1)
    shape_error("global_avg_pool", loc, "x must be [N, H, W, C] with pixels, got {}", shape);
  return reshape(mean_over(x, {1, 2}, loc), {shape[0], shape[3]}, loc);
}

}  // namespace weft
