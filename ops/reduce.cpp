// Reductions: which axes, one pass per run of neighbouring axes, and the way back.
#include "ops/reduce.h"

namespace weft {
namespace {

struct SumOp final : Op {
  double factor;  // 1, or 1 / count for a mean
  const char* name_;

  SumOp(double f, const char* name) : factor(f), name_(name) {}
  const char* name() const override { return name_; }
  void backward(Backward& b) override {
    Tensor dx = b.din(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::expand<T>(ctx, b.dout().view<T>(), factor, dx.view<T>());
    });
  }
};

/// Sums x over the axes where `kept` has another extent (1): each run of neighbouring axes is one
/// pass, the last run first; the final pass multiplies by `factor`.
Tensor reduce(const AnyContext& context, Tensor x, const Shape& kept, double factor) {
  struct Run {
    int first, last;
  };
  std::vector<Run> runs;
  for (int axis = x.shape().rank() - 1; axis >= 0; --axis) {
    if (x.shape()[axis] == kept[axis]) continue;
    if (!runs.empty() && runs.back().first == axis + 1)
      runs.back().first = axis;
    else
      runs.push_back({axis, axis});
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    Shape shape = x.shape();
    const int64_t outer = shape.outer(runs[i].first), inner = shape.inner(runs[i].last + 1);
    int64_t n = 1;
    for (int axis = runs[i].first; axis <= runs[i].last; ++axis) {
      n *= shape[axis];
      shape.set(axis, 1);
    }
    const Tensor y = Tensor::empty(shape, x.dtype(), memory_of(context));
    on_device(context, x.dtype(), [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::sum_middle<T>(ctx, x.view<T>(), outer, n, inner, i + 1 < runs.size() ? 1.0 : factor,
                             y.view<T>());
    });
    x = y;
  }
  return x;
}

Var reduce_op(const Var& x, const Shape& kept, const Shape& out, bool is_mean, const char* name,
              SourceLoc loc) {
  Tape& tape = Tape::of(name, loc, x);
  const double factor =
      is_mean ? static_cast<double>(kept.numel()) / static_cast<double>(x.value().numel()) : 1.0;
  Tensor y = reduce(tape.context(), x.value(), kept, factor).reshaped(out);
  return tape.record(std::make_unique<SumOp>(factor, name), {x}, std::move(y), loc);
}

Var over_all(const Var& x, bool is_mean, const char* name, SourceLoc loc) {
  Shape ones = x.shape();
  for (int axis = 0; axis < ones.rank(); ++axis) ones.set(axis, 1);
  return reduce_op(x, ones, Shape{}, is_mean, name, loc);
}

Var over_axes(const Var& x, const std::vector<int>& axes, bool is_mean, const char* name,
              SourceLoc loc) {
  Shape kept = x.shape();
  for (int axis : axes) {
    const int at = axis < 0 ? axis + kept.rank() : axis;
    if (at < 0 || at >= kept.rank())
      shape_error(name, loc, "axis {} is outside of x {}", axis, x.shape());
    kept.set(at, 1);
  }
  return reduce_op(x, kept, kept, is_mean, name, loc);
}

}  // namespace

Var sum(const Var& x, SourceLoc loc) { return over_all(x, false, "sum", loc); }
Var mean(const Var& x, SourceLoc loc) { return over_all(x, true, "mean", loc); }
Var sum_over(const Var& x, const std::vector<int>& axes, SourceLoc loc) {
  return over_axes(x, axes, false, "sum_over", loc);
}
Var mean_over(const Var& x, const std::vector<int>& axes, SourceLoc loc) {
  return over_axes(x, axes, true, "mean_over", loc);
}

Tensor sum_to(const AnyContext& context, const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Shape kept;  // `shape` with ones on the left
  for (int i = shape.rank(); i < x.shape().rank(); ++i) kept.push_back(1);
  for (int i = 0; i < shape.rank(); ++i) kept.push_back(shape[i]);
  return reduce(context, x, kept, 1.0).reshaped(shape);
}

}  // namespace weft
