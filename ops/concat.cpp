// concat: checks, one copy per input, and the parts of dy back.
#include "ops/concat.h"

#include <algorithm>

#include "engine/trace.h"
#include "ops/slice.h"

namespace weft {
namespace {

struct Concat final : Op, Described {
  int axis, count;

  Concat(int axis_, int count_) : axis(axis_), count(count_) {}
  const char* name() const override { return "concat"; }
  void backward(Backward& b) override {
    int64_t begin = 0;
    for (int i = 0; i < count; ++i) {
      const int64_t extent = b.input_shape(i)[axis];
      if (b.needs(i) && axis == 0) pass_part(b, i, begin, extent);
      if (b.needs(i) && axis != 0) {
        Tensor dx = b.din(i);
        on_device(b, [&](auto& ctx, auto zero) {
          using T = decltype(zero);
          kernels::slice_forward<T>(ctx, b.dout().view<T>(), axis, begin, dx.view<T>());
        });
      }
      begin += extent;
    }
  }
  bool by_rows(const Backward&) const override { return axis == 0; }
  Attributes attributes() const override { return {{{"axis", {double(axis)}}}, {}}; }

  /// Of rows begin .. begin + extent - 1, those that dout is of.
  static void pass_part(Backward& b, int i, int64_t begin, int64_t extent) {
    const int64_t first = b.first_row();
    const int64_t from = std::max(begin, first);
    const int64_t to = std::min(begin + extent, first + b.dout().shape()[0]);
    if (to - from == extent) return b.pass(i, b.dout().rows(from - first, extent));
    if (from < to) b.pass_rows(i, from - begin, b.dout().rows(from - first, to - from));
  }
};

}  // namespace

Var concat(const std::vector<Var>& xs, int axis, SourceLoc loc) {
  if (xs.empty()) shape_error("concat", loc, "no inputs: there must be at least one");
  Tape& tape = Tape::of("concat", loc, xs);
  Shape out = xs[0].shape();
  const int at = axis < 0 ? axis + out.rank() : axis;
  if (at < 0 || at >= out.rank())
    shape_error("concat", loc, "axis {} is outside of input 0 {}", axis, out);
  int64_t total = 0;
  for (size_t i = 0; i < xs.size(); ++i) {
    Shape same = xs[i].shape();
    if (same.rank() == out.rank()) {
      total += same[at];
      same.set(at, out[at]);
    }
    if (same != out || xs[i].dtype() != xs[0].dtype())
      shape_error("concat", loc, "input {} {} {} does not fit input 0 {} {} beside axis {}", i,
                  name_of(xs[i].dtype()), xs[i].shape(), name_of(xs[0].dtype()), out, at);
  }
  out.set(at, total);
  Tensor y = tape.empty(out, xs[0].dtype());
  int64_t begin = 0;
  for (const Var& x : xs) {
    on_device(tape, x, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::concat_forward<T>(ctx, x.value().view<T>(), at, begin, y.view<T>());
    });
    begin += x.shape()[at];
  }
  return tape.record(std::make_unique<Concat>(at, static_cast<int>(xs.size())), xs, std::move(y),
                     loc);
}

}  // namespace weft
