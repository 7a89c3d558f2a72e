// layer_norm and group_norm: checks, record and backward. Both are one op, told apart by the shape
// of their statistics.
#include "ops/layer_norm.h"

#include "ops/norm_checks.h"

namespace weft {
namespace {

struct GroupNorm final : Op {
  const char* op_name;
  Tensor x, gamma, mean, invstd;

  explicit GroupNorm(const char* name) : op_name(name) {}
  const char* name() const override { return op_name; }
  void backward(Backward& b) override {
    const Tensor dx = b.needs(0) ? b.din(0) : Tensor();
    const Tensor dgamma = b.needs(1) ? b.din(1) : Tensor();
    const Tensor dbeta = b.needs(2) ? b.din(2) : Tensor();
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      using Stat = stat_t<T>;
      const auto wanted = [](const Tensor& t) {
        return t.defined() ? t.view<Stat>() : View<Stat>{};
      };
      kernels::group_norm_backward<T>(ctx, x.view<T>(), b.dout().view<T>(), gamma.view<Stat>(),
                                      mean.view<Stat>(), invstd.view<Stat>(),
                                      dx.defined() ? dx.view<T>() : View<T>{}, wanted(dgamma),
                                      wanted(dbeta));
    });
  }
};

/// x as [samples, .., C].
Var normalise(const char* name, const Var& x, const Var& gamma, const Var& beta, int64_t samples,
              int64_t groups, double eps, SourceLoc loc) {
  Tape& tape = x.tape();
  expect_channels(name, x, "gamma", gamma.value(), loc);
  expect_channels(name, x, "beta", beta.value(), loc);
  auto op = std::make_unique<GroupNorm>(name);
  op->x = x.value();
  op->gamma = gamma.value();
  op->mean = tape.empty({samples, groups}, stat_dtype(x.dtype()));
  op->invstd = tape.empty({samples, groups}, stat_dtype(x.dtype()));
  Tensor y = tape.empty(x.shape(), x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    using Stat = stat_t<T>;
    kernels::group_norm_forward<T>(ctx, x.value().view<T>(), gamma.value().view<Stat>(),
                                   beta.value().view<Stat>(), eps, op->mean.template view<Stat>(),
                                   op->invstd.template view<Stat>(), y.view<T>());
  });
  return tape.record(std::move(op), {x, gamma, beta}, std::move(y), loc);
}

}  // namespace

Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double eps, SourceLoc loc) {
  Tape::of("layer_norm", loc, x, gamma, beta);
  const Shape& shape = x.shape();
  if (shape.rank() < 1) shape_error("layer_norm", loc, "x needs a last axis, got {}", shape);
  return normalise("layer_norm", x, gamma, beta, shape.outer(shape.rank() - 1), 1, eps, loc);
}

Var group_norm(const Var& x, const Var& gamma, const Var& beta, int64_t groups, double eps,
               SourceLoc loc) {
  Tape::of("group_norm", loc, x, gamma, beta);
  const Shape& shape = x.shape();
  if (shape.rank() < 2) shape_error("group_norm", loc, "x must be [N, .., C], got {}", shape);
  if (groups < 1 || shape.back() % groups != 0)
    shape_error("group_norm", loc, "the channels of x {} do not divide into {} equal groups", shape,
                groups);
  return normalise("group_norm", x, gamma, beta, shape[0], groups, eps, loc);
}

}  // namespace weft
