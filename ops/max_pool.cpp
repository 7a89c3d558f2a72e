// max_pool: checks, record and backward.
#include "ops/max_pool.h"

#include "engine/trace.h"

namespace weft {
namespace {

constexpr const char* op_name = "max_pool";

struct MaxPool final : Op, Described {
  Tensor choice;
  PoolOptions options;

  const char* name() const override { return op_name; }
  void backward(Backward& b) override {
    const Tensor dx = b.din_rows(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::max_pool_backward<T>(ctx, b.dout().view<T>(), b.rows(choice).view<uint8_t>(),
                                    options, dx.view<T>());
    });
  }
  bool by_rows(const Backward&) const override { return true; }
  Attributes attributes() const override {
    return {{{"kernel", {static_cast<double>(options.kernel)}},
             {"stride", {static_cast<double>(options.stride)}},
             {"padding", {static_cast<double>(options.padding)}},
             {"ceil_mode", {double(options.ceil_mode)}}},
            {}};
  }
};

}  // namespace

Var max_pool(const Var& x, const PoolOptions& options, SourceLoc loc) {
  Tape& tape = Tape::of("max_pool", loc, x);
  const Shape shape = pooled_shape(op_name, x.shape(), options, loc);
  if (options.kernel > 15) shape_error(op_name, loc, "kernel {}: at most 15", options.kernel);
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
