// weighted_sum: checks, record and backward around gate's kernels.
#include "ops/weighted_sum.h"

#include "ops/gate.h"

namespace weft {
namespace {

constexpr const char* op_name = "weighted_sum";

/// Inputs on the tape: every x, then a.
struct WeightedSum final : Op {
  std::vector<Tensor> x;  // undefined: a is a constant
  Tensor a;

  const char* name() const override { return op_name; }

  void backward(Backward& b) override {
    const size_t maps = x.size();
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const auto* weight = a.data<stat_t<T>>();
      const View<const T> dy = b.dout().view<T>();
      for (size_t j = 0; j < maps; ++j)
        if (b.needs(static_cast<int>(j)))
          kernels::gate_sums<T>(ctx, {{{dy.data, weight + j, 0}}},
                                b.din(static_cast<int>(j)).template view<T>());
      const int input = static_cast<int>(maps);
      if (!b.needs(input)) return;
      const Tensor da = b.din(input);
      const auto dots = [&](size_t i, size_t j, const Tensor& out) {
        kernels::gate_dots<T>(ctx, dy, x[i].data<T>(), x[j].data<T>(), 0, out.view<stat_t<T>>());
      };
      for (size_t j = 0; j + 1 < maps; j += 2) dots(j, j + 1, da.rows(static_cast<int64_t>(j), 2));
      if (maps % 2 == 0) return;
      // The last of an odd number goes with itself, and one of the two is kept.
      const Tensor both = b.scratch({2}, da.dtype());
      dots(maps - 1, maps - 1, both);
      ctx.copy(da.rows(static_cast<int64_t>(maps) - 1, 1), both.rows(0, 1));
    });
  }
};

}  // namespace

Var weighted_sum(const std::vector<Var>& x, const Var& a, SourceLoc loc) {
  Tape& tape = Tape::of(op_name, loc, x, a);
  if (x.empty()) shape_error(op_name, loc, "needs at least one map");
  const Shape& shape = x[0].shape();
  const DType dtype = x[0].dtype();
  for (const Var& map : x)
    if (map.shape() != shape || map.dtype() != dtype)
      shape_error(op_name, loc, "maps {} {} and {} {} differ", name_of(dtype), shape,
                  name_of(map.dtype()), map.shape());
  if (a.shape() != Shape{static_cast<int64_t>(x.size())} || a.dtype() != stat_dtype(dtype))
    shape_error(op_name, loc, "{} maps take weights {} [{}], not {} {}", x.size(),
                name_of(stat_dtype(dtype)), x.size(), name_of(a.dtype()), a.shape());
  auto op = std::make_unique<WeightedSum>();
  op->a = a.value();
  std::vector<Var> inputs = x;
  inputs.push_back(a);
  Tensor y = tape.empty(shape, dtype);
  on_device(tape, x[0], [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    std::vector<kernels::GateTerm<T>> terms;
    for (size_t j = 0; j < x.size(); ++j)
      terms.push_back({x[j].value().data<T>(), a.value().data<stat_t<T>>() + j, 0});
    kernels::gate_sums<T>(ctx, {terms}, y.view<T>());
  });
  for (const Var& map : x) op->x.push_back(a.needs_grad() ? map.value() : Tensor());
  return tape.record(std::move(op), inputs, std::move(y), loc);
}

}  // namespace weft
