// top_k and max_over: checks, record and backward.
#include "ops/top_k.h"

#include <limits>

#include "engine/trace.h"

namespace weft {
namespace {

struct TopK final : Op, Described {
  const char* name_;
  Tensor indices;
  int axis;

  TopK(const char* name, Tensor chosen, int axis_)
      : name_(name), indices(std::move(chosen)), axis(axis_) {}
  const char* name() const override { return name_; }
  void backward(Backward& b) override {
    const Tensor dx = b.din(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::top_k_backward<T>(ctx, b.dout().view<T>(), indices.view<int32_t>(), axis,
                                 dx.view<T>());
    });
  }
  Attributes attributes() const override {
    return {{{"axis", {static_cast<double>(axis)}}}, {{"indices", indices}}};
  }
};

Var largest(const char* name, const Var& x, int axis, int64_t k, Tensor* indices, SourceLoc loc) {
  Tape& tape = Tape::of(name, loc, x);
  const int at = axis < 0 ? axis + x.shape().rank() : axis;
  if (at < 0 || at >= x.shape().rank())
    shape_error(name, loc, "axis {} is outside of x {}", axis, x.shape());
  const int64_t n = x.shape()[at];
  if (k < 1 || k > n)
    shape_error(name, loc, "the largest {} of {} along axis {} of x {}: needs 1 <= k <= {}", k, n,
                at, x.shape(), n);
  if (n > std::numeric_limits<int32_t>::max())
    shape_error(name, loc, "axis {} of x {} is longer than 2^31 - 1", at, x.shape());
  Shape shape = x.shape();
  shape.set(at, k);
  const Tensor chosen = tape.empty(shape, DType::i32);
  Tensor y = tape.empty(shape, x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::top_k_forward<T>(ctx, x.value().view<T>(), at, y.view<T>(), chosen.view<int32_t>());
  });
  if (indices) *indices = chosen;
  return tape.record(std::make_unique<TopK>(name, chosen, at), {x}, std::move(y), loc);
}

}  // namespace

Var top_k(const Var& x, int axis, int64_t k, Tensor* indices, SourceLoc loc) {
  return largest("top_k", x, axis, k, indices, loc);
}

Var max_over(const Var& x, int axis, Tensor* index, SourceLoc loc) {
  return largest("max_over", x, axis, 1, index, loc);
}

}  // namespace weft
