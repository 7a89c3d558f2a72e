// resize: checks, recording and backward.
#include "ops/resize.h"

namespace weft {
namespace {

struct Resize final : Op {
  Interpolation mode;

  explicit Resize(Interpolation mode_) : mode(mode_) {}
  const char* name() const override { return "resize"; }
  void backward(Backward& b) override {
    Tensor dx = b.din(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::resize_backward<T>(ctx, mode, b.dout().view<T>(), dx.view<T>());
    });
  }
};

}  // namespace

Var resize(const Var& x, int64_t height, int64_t width, Interpolation mode, SourceLoc loc) {
  Tape& tape = Tape::of("resize", loc, x);
  const Shape& in = x.shape();
  if (in.rank() != 4) shape_error("resize", loc, "x must be [N, H, W, C], it is {}", in);
  if (height < 1 || width < 1 || in[1] < 1 || in[2] < 1)
    shape_error("resize", loc, "x {} cannot become {} x {} pixels: every size must be at least 1",
                in, height, width);
  if (in[1] == height && in[2] == width) return x;
  Tensor y = tape.empty({in[0], height, width, in[3]}, x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::resize_forward<T>(ctx, mode, x.value().view<T>(), y.view<T>());
  });
  return tape.record(std::make_unique<Resize>(mode), {x}, std::move(y), loc);
}

}  // namespace weft
