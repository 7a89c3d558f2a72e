// slice: checks, recording and backward.
#include "ops/slice.h"

#include "engine/trace.h"

namespace weft {
namespace {

struct Slice final : Op, Described {
  int axis;
  int64_t begin;

  Slice(int axis_, int64_t begin_) : axis(axis_), begin(begin_) {}
  const char* name() const override { return "slice"; }
  void backward(Backward& b) override {
    if (axis == 0) return b.pass_rows(0, begin + b.first_row(), b.dout());
    Tensor dx = b.din(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::slice_backward<T>(ctx, b.dout().view<T>(), axis, begin, dx.view<T>());
    });
  }
  bool by_rows(const Backward&) const override { return axis == 0; }
  Attributes attributes() const override {
    return {{{"axis", {double(axis)}}, {"begin", {static_cast<double>(begin)}}}, {}};
  }
};

}  // namespace

Var slice(const Var& x, int axis, int64_t begin, int64_t count, SourceLoc loc) {
  Tape& tape = Tape::of("slice", loc, x);
  const int at = axis < 0 ? axis + x.shape().rank() : axis;
  if (at < 0 || at >= x.shape().rank())
    shape_error("slice", loc, "axis {} is outside of x {}", axis, x.shape());
  if (begin < 0 || count < 0 || begin + count > x.shape()[at])
    shape_error("slice", loc, "indices {} .. {} of axis {} are outside of x {}", begin,
                begin + count - 1, at, x.shape());
  Tensor y;
  if (at == 0) {
    y = x.value().rows(begin, count);
  } else {
    Shape out = x.shape();
    out.set(at, count);
    y = tape.empty(out, x.dtype());
    on_device(tape, x, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::slice_forward<T>(ctx, x.value().view<T>(), at, begin, y.view<T>());
    });
  }
  return tape.record(std::make_unique<Slice>(at, begin), {x}, std::move(y), loc);
}

}  // namespace weft
