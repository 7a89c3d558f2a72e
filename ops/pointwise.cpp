// Pointwise ops: checks, recording and backward. The arithmetic is in ops/pointwise_functors.h.
#include "ops/pointwise.h"

#include "engine/error.h"
#include "engine/trace.h"
#include "ops/pointwise_functors.h"
#include "ops/reduce.h"

namespace weft {
namespace {

using pointwise::Keep;

template <class F>
struct Unary final : Op {
  F f;
  Tensor kept;  // x, y or nothing, as F::keep says

  Unary(F f_, Tensor kept_) : f(f_), kept(std::move(kept_)) {}
  const char* name() const override { return F::name; }
  void backward(Backward& b) override {
    const Tensor source = F::keep == Keep::nothing ? b.dout() : b.rows(kept);  // then never read
    const Tensor dx = b.over_dout();
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::unary_backward<F, T>(ctx, f, source.view<T>(), b.dout().view<T>(), dx.view<T>());
    });
    b.pass(0, dx);
  }
  bool by_rows(const Backward&) const override { return true; }
};

template <class F>
Var unary(F f, const Var& x, SourceLoc loc) {
  Tape& tape = Tape::of(F::name, loc, x);
  Tensor y = tape.empty(x.shape(), x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::unary_forward<F, T>(ctx, f, x.value().view<T>(), y.view<T>());
  });
  Tensor kept;
  if (F::keep == Keep::input) kept = x.value();
  if (F::keep == Keep::output) kept = y;
  return tape.record(std::make_unique<Unary<F>>(f, std::move(kept)), {x}, std::move(y), loc);
}

/// f(x, y) in the broadcast shape `out`, on tensors.
template <class F>
Tensor combine(const AnyContext& context, F f, const Tensor& x, const Tensor& y, const Shape& out) {
  Tensor result = Tensor::empty(out, x.dtype(), memory_of(context));
  on_device(context, x.dtype(), [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::binary_forward<F, T>(ctx, f, x.view<T>(), y.view<T>(), result.view<T>());
  });
  return result;
}

struct AddOp final : Op {
  const char* name() const override { return "add"; }
  void backward(Backward& b) override {
    for (int i : {0, 1})
      if (b.needs(i)) b.pass(i, sum_to(b.context(), b.dout(), b.input_shape(i)));
  }
};

struct SubOp final : Op {
  const char* name() const override { return "sub"; }
  void backward(Backward& b) override {
    if (b.needs(0)) b.pass(0, sum_to(b.context(), b.dout(), b.input_shape(0)));
    if (!b.needs(1)) return;
    const Tensor sum = sum_to(b.context(), b.dout(), b.input_shape(1));
    Tensor dy = b.din(1);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::unary_forward<pointwise::Scale, T>(ctx, {-1.0}, sum.view<T>(), dy.view<T>());
    });
  }
};

struct MulOp final : Op {
  Tensor x, y;  // the other factor of each gradient that is needed

  MulOp(Tensor x_, Tensor y_) : x(std::move(x_)), y(std::move(y_)) {}
  const char* name() const override { return "mul"; }
  void backward(Backward& b) override {
    for (int i : {0, 1}) {
      if (!b.needs(i)) continue;
      const Tensor product =
          combine(b.context(), pointwise::Mul{}, b.dout(), i == 0 ? y : x, b.dout().shape());
      b.pass(i, sum_to(b.context(), product, b.input_shape(i)));
    }
  }
};

/// z = x / y: dx = dy / y, and y's is -dz z / y.
struct DivOp final : Op {
  Tensor y, z;  // z: where y's gradient is needed

  DivOp(Tensor y_, Tensor z_) : y(std::move(y_)), z(std::move(z_)) {}
  const char* name() const override { return "div"; }
  void backward(Backward& b) override {
    const Shape& shape = b.dout().shape();
    const Tensor dx = combine(b.context(), pointwise::Div{}, b.dout(), y, shape);
    if (b.needs(0)) b.pass(0, sum_to(b.context(), dx, b.input_shape(0)));
    if (!b.needs(1)) return;
    const Tensor product = combine(b.context(), pointwise::NegMul{}, dx, z, shape);
    b.pass(1, sum_to(b.context(), product, b.input_shape(1)));
  }
};

/// Each operand gets dy where it is the larger one, and half of it where both are equal.
struct MaximumOp final : Op {
  Tensor x, y;

  MaximumOp(Tensor x_, Tensor y_) : x(std::move(x_)), y(std::move(y_)) {}
  const char* name() const override { return "maximum"; }
  void backward(Backward& b) override {
    const Shape& shape = b.dout().shape();
    for (int i : {0, 1}) {
      if (!b.needs(i)) continue;
      const Tensor share =
          combine(b.context(), pointwise::Larger{}, i == 0 ? x : y, i == 0 ? y : x, shape);
      const Tensor product = combine(b.context(), pointwise::Mul{}, b.dout(), share, shape);
      b.pass(i, sum_to(b.context(), product, b.input_shape(i)));
    }
  }
};

/// The broadcast shape, or a ShapeError that names both operands.
Shape check_operands(const char* op, const Var& x, const Var& y, SourceLoc loc) {
  Tape::of(op, loc, x, y);
  if (x.dtype() != y.dtype())
    shape_error(op, loc, "operands differ in type: x {} {}, y {} {}", name_of(x.dtype()), x.shape(),
                name_of(y.dtype()), y.shape());
  try {
    return Shape::broadcast(x.shape(), y.shape());
  } catch (const ShapeError&) {
    shape_error(op, loc, "shapes do not broadcast (aligned right, 1 stretches): x {}, y {}",
                x.shape(), y.shape());
  }
}

}  // namespace

#define WEFT_DEFINE(F, f) \
  Var f(const Var& x, SourceLoc loc) { return unary(pointwise::F{}, x, loc); }
WEFT_PLAIN_FUNCTORS(WEFT_DEFINE)
#undef WEFT_DEFINE

Var relu(Var&& x, SourceLoc loc) {
  Tape& tape = Tape::of("relu", loc, x);
  const Tensor& own = x.value();
  if (tape.recording() || current_trace() != nullptr || !own.unique())
    return relu(std::as_const(x), loc);
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::unary_forward<pointwise::Relu, T>(ctx, {}, own.view<T>(), own.view<T>());
  });
  own.changed();
  return tape.record(std::make_unique<Unary<pointwise::Relu>>(pointwise::Relu{}, Tensor()), {x},
                     own, loc);
}

Var scale(const Var& x, double factor, SourceLoc loc) {
  return unary(pointwise::Scale{factor}, x, loc);
}
Var shift(const Var& x, double offset, SourceLoc loc) {
  return unary(pointwise::Shift{offset}, x, loc);
}
Var pow(const Var& x, double exponent, SourceLoc loc) {
  return unary(pointwise::Pow{exponent}, x, loc);
}
Var clamp(const Var& x, double low, double high, SourceLoc loc) {
  if (!(low <= high)) shape_error("clamp", loc, "low {} is above high {}", low, high);
  return unary(pointwise::Clamp{low, high}, x, loc);
}

Var add(const Var& x, const Var& y, SourceLoc loc) {
  const Shape out = check_operands("add", x, y, loc);
  Tape& tape = x.tape();
  Tensor z = combine(tape.context(), pointwise::Add{}, x.value(), y.value(), out);
  return tape.record(std::make_unique<AddOp>(), {x, y}, std::move(z), loc);
}

Var sub(const Var& x, const Var& y, SourceLoc loc) {
  const Shape out = check_operands("sub", x, y, loc);
  Tape& tape = x.tape();
  Tensor z = combine(tape.context(), pointwise::Sub{}, x.value(), y.value(), out);
  return tape.record(std::make_unique<SubOp>(), {x, y}, std::move(z), loc);
}

Var mul(const Var& x, const Var& y, SourceLoc loc) {
  const Shape out = check_operands("mul", x, y, loc);
  Tape& tape = x.tape();
  Tensor z = combine(tape.context(), pointwise::Mul{}, x.value(), y.value(), out);
  auto op = std::make_unique<MulOp>(y.needs_grad() ? x.value() : Tensor(),
                                    x.needs_grad() ? y.value() : Tensor());
  return tape.record(std::move(op), {x, y}, std::move(z), loc);
}

Var div(const Var& x, const Var& y, SourceLoc loc) {
  const Shape out = check_operands("div", x, y, loc);
  Tape& tape = x.tape();
  Tensor z = combine(tape.context(), pointwise::Div{}, x.value(), y.value(), out);
  auto op = std::make_unique<DivOp>(y.value(), y.needs_grad() ? z : Tensor());
  return tape.record(std::move(op), {x, y}, z, loc);
}

Var maximum(const Var& x, const Var& y, SourceLoc loc) {
  const Shape out = check_operands("maximum", x, y, loc);
  Tape& tape = x.tape();
  Tensor z = combine(tape.context(), pointwise::Maximum{}, x.value(), y.value(), out);
  return tape.record(std::make_unique<MaximumOp>(x.value(), y.value()), {x, y}, std::move(z), loc);
}

Var operator+(const Operand& x, const Operand& y) {
  if (x.var != nullptr && y.var != nullptr) return add(*x.var, *y.var, x.loc);
  return x.var != nullptr ? shift(*x.var, y.number, x.loc) : shift(*y.var, x.number, y.loc);
}

Var operator-(const Operand& x, const Operand& y) {
  if (x.var != nullptr && y.var != nullptr) return sub(*x.var, *y.var, x.loc);
  return x.var != nullptr ? shift(*x.var, -y.number, x.loc)
                          : shift(neg(*y.var, y.loc), x.number, y.loc);
}

Var operator*(const Operand& x, const Operand& y) {
  if (x.var != nullptr && y.var != nullptr) return mul(*x.var, *y.var, x.loc);
  return x.var != nullptr ? scale(*x.var, y.number, x.loc) : scale(*y.var, x.number, y.loc);
}

Var operator/(const Operand& x, const Operand& y) {
  if (x.var != nullptr && y.var != nullptr) return div(*x.var, *y.var, x.loc);
  return x.var != nullptr ? scale(*x.var, 1 / y.number, x.loc)
                          : scale(reciprocal(*y.var, y.loc), x.number, y.loc);
}

Var operator-(const Operand& x) { return neg(*x.var, x.loc); }

}  // namespace weft
