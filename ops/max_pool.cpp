// max_pool: window arithmetic, checks, record and backward.
#include "ops/max_pool.h"

namespace weft {
namespace {

constexpr const char* op_name = "max_pool";

struct MaxPool final : Op {
  Tensor choice;
  PoolOptions options;

  const char* name() const override { return op_name; }
  void backward(Backward& b) override {
    const Tensor dx = b.din(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::max_pool_backward<T>(ctx, b.dout().view<T>(), choice.view<uint8_t>(), options,
                                    dx.view<T>());
    });
  }
};

}  // namespace

int64_t pooled_extent(int64_t in, const PoolOptions& o) {
  const int64_t room = in + 2 * o.padding - o.kernel;
  if (room < 0) return o.ceil_mode && room + o.stride > 0 ? 1 : 0;
  int64_t out = (o.ceil_mode ? room + o.stride - 1 : room) / o.stride + 1;
  if ((out - 1) * o.stride >= in + o.padding) --out;
  return out;
}

Shape pooled_shape(const char* op, const Shape& x, const PoolOptions& o, SourceLoc loc) {
  if (x.rank() != 4) shape_error(op, loc, "x must be [N, H, W, C], got {}", x);
  if (o.kernel < 1 || o.stride < 1 || o.padding < 0 || 2 * o.padding > o.kernel)
    shape_error(op, loc, "kernel {}, stride {}, padding {}: padding may be half the kernel at most",
                o.kernel, o.stride, o.padding);
  const Shape y = {x[0], pooled_extent(x[1], o), pooled_extent(x[2], o), x[3]};
  if (y[1] < 1 || y[2] < 1)
    shape_error(op, loc, "x {} is smaller than a window of {} with padding {}", x, o.kernel,
                o.padding);
  return y;
}

Var max_pool(Tape& tape, const Var& x, const PoolOptions& options, SourceLoc loc) {
  const Shape shape = pooled_shape(op_name, x.shape(), options, loc);
  if (options.kernel > 15)
    shape_error(op_name, loc, "kernel {}: at most 15", options.kernel);
  auto op = std::make_unique<MaxPool>();
  op->choice = tape.empty(shape, DType::u8);
  op->options = options;
  Tensor y = tape.empty(shape, x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::max_pool_forward<T>(ctx, x.value().view<T>(), options, y.view<T>(),
                                 op->choice.template view<uint8_t>());
  });
  return tape.record(std::move(op), {x}, std::move(y), loc);
}

}  // namespace weft
