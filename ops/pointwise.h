// Pointwise ops: y_i = f(x_i), or z_i = f(x_i, y_i) with broadcasting (align right, 1 stretches).
// A functor in ops/pointwise_functors.h gives f and its derivative, shared verbatim by both
// backends; a new op is one functor, one line here, one in pointwise.cpp and one test row. Retains
// x or y, as its functor says; neg, scale, shift, add and sub retain nothing; mul retains the other
// factor of each gradient, div y and z, maximum both operands.
#pragma once

#include "engine/tape.h"

namespace weft {

/// y = max(x, 0); dx = dy where y > 0.
Var relu(const Var& x, SourceLoc = SourceLoc::here());
/// The same in x's own bytes, where nothing is recorded and nobody else has them.
Var relu(Var&& x, SourceLoc = SourceLoc::here());
/// y = 1 / (1 + exp(-x)); dx = dy y (1 - y).
Var sigmoid(const Var& x, SourceLoc = SourceLoc::here());
Var tanh(const Var& x, SourceLoc = SourceLoc::here());
/// y = log(1 + exp(x)); dx = dy / (1 + exp(-x)).
Var softplus(const Var& x, SourceLoc = SourceLoc::here());
/// y = x Phi(x), Phi the normal distribution's (Hendrycks and Gimpel, 2016), not its approximation.
Var gelu(const Var& x, SourceLoc = SourceLoc::here());
/// y = x / (1 + exp(-x))
Var silu(const Var& x, SourceLoc = SourceLoc::here());
Var exp(const Var& x, SourceLoc = SourceLoc::here());
/// Natural logarithm; NaN below zero, as the CPU says.
Var log(const Var& x, SourceLoc = SourceLoc::here());
/// Subgradient 0 at 0.
Var abs(const Var& x, SourceLoc = SourceLoc::here());
Var square(const Var& x, SourceLoc = SourceLoc::here());
/// dL/dx is infinite at 0.
Var sqrt(const Var& x, SourceLoc = SourceLoc::here());
Var reciprocal(const Var& x, SourceLoc = SourceLoc::here());
Var neg(const Var& x, SourceLoc = SourceLoc::here());
/// log(x + sqrt(x^2 + 1)): a logarithm of large numbers of either sign, x near 0.
Var asinh(const Var& x, SourceLoc = SourceLoc::here());
/// y = factor x
Var scale(const Var& x, double factor, SourceLoc = SourceLoc::here());
/// y = x + offset
Var shift(const Var& x, double offset, SourceLoc = SourceLoc::here());

/// y = x^exponent; NaN below zero where the exponent is no whole number.
Var pow(const Var& x, double exponent, SourceLoc = SourceLoc::here());
/// y = min(max(x, low), high); dx = dy where low <= x <= high, else 0. A NaN stays one.
Var clamp(const Var& x, double low, double high, SourceLoc = SourceLoc::here());

/// A stretched operand's gradient is the sum over what it was stretched to, in fixed order.
Var add(const Var& x, const Var& y, SourceLoc = SourceLoc::here());
Var sub(const Var& x, const Var& y, SourceLoc = SourceLoc::here());
Var mul(const Var& x, const Var& y, SourceLoc = SourceLoc::here());
Var div(const Var& x, const Var& y, SourceLoc = SourceLoc::here());
/// The larger one; where both are equal each gets half of the gradient.
Var maximum(const Var& x, const Var& y, SourceLoc = SourceLoc::here());

/// What the operators take: a value on a tape or a number, and where it stands in your source.
struct Operand {
  Operand(const Var& v, SourceLoc place = SourceLoc::here()) : var(&v), loc(place) {}
  Operand(double x, SourceLoc place = SourceLoc::here()) : number(x), loc(place) {}

  const Var* var = nullptr;
  double number = 0;
  SourceLoc loc;
};

/// add, sub, mul, div, or with a number shift and scale; x / 3 is scale(x, 1 / 3.0).
Var operator+(const Operand& x, const Operand& y);
Var operator-(const Operand& x, const Operand& y);
Var operator*(const Operand& x, const Operand& y);
Var operator/(const Operand& x, const Operand& y);
Var operator-(const Operand& x);

namespace kernels {

/// y = f.value(x); y may be x's bytes.
template <class F, class T>
void unary_forward(CpuContext&, F f, View<const T> x, View<T> y);
template <class F, class T>
void unary_forward(CudaContext&, F f, View<const T> x, View<T> y);
/// dx = f.gradient(dy, kept); dx may be dy's bytes.
template <class F, class T>
void unary_backward(CpuContext&, F f, View<const T> kept, View<const T> dy, View<T> dx);
template <class F, class T>
void unary_backward(CudaContext&, F f, View<const T> kept, View<const T> dy, View<T> dx);
/// out = f.value(x, y), x and y broadcast to out's shape
template <class F, class T>
void binary_forward(CpuContext&, F f, View<const T> x, View<const T> y, View<T> out);
template <class F, class T>
void binary_forward(CudaContext&, F f, View<const T> x, View<const T> y, View<T> out);

}  // namespace kernels
}  // namespace weft
