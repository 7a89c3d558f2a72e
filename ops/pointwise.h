// Pointwise ops: y_i = f(x_i), or z_i = f(x_i, y_i) with broadcasting (align right, 1 stretches).
// A functor in ops/pointwise_functors.h gives f and its derivative, shared verbatim by both
// backends; a new op is one functor, one line here and one test row. Retains x or y, as its functor
// says; scale, shift, add and sub retain nothing; mul retains the other factor of each gradient.
#pragma once

#include "engine/tape.h"

namespace weft {

/// y = max(x, 0); dx = dy where y > 0.
Var relu(Tape&, const Var& x, SourceLoc = SourceLoc::here());
/// y = 1 / (1 + exp(-x)); dx = dy y (1 - y).
Var sigmoid(Tape&, const Var& x, SourceLoc = SourceLoc::here());
Var exp(Tape&, const Var& x, SourceLoc = SourceLoc::here());
/// Natural logarithm; NaN below zero, as the CPU says.
Var log(Tape&, const Var& x, SourceLoc = SourceLoc::here());
/// Subgradient 0 at 0.
Var abs(Tape&, const Var& x, SourceLoc = SourceLoc::here());
Var square(Tape&, const Var& x, SourceLoc = SourceLoc::here());
/// dL/dx is infinite at 0.
Var sqrt(Tape&, const Var& x, SourceLoc = SourceLoc::here());
/// y = factor x
Var scale(Tape&, const Var& x, double factor, SourceLoc = SourceLoc::here());
/// y = x + offset
Var shift(Tape&, const Var& x, double offset, SourceLoc = SourceLoc::here());

/// A stretched operand's gradient is the sum over what it was stretched to, in fixed order.
Var add(Tape&, const Var& x, const Var& y, SourceLoc = SourceLoc::here());
Var sub(Tape&, const Var& x, const Var& y, SourceLoc = SourceLoc::here());
Var mul(Tape&, const Var& x, const Var& y, SourceLoc = SourceLoc::here());
/// y = max(x + r, 0): a residual block's last step in one pass. Shapes equal. Retains y.
Var add_relu(Tape&, const Var& x, const Var& r, SourceLoc = SourceLoc::here());

namespace kernels {

/// y = f.value(x)
template <class F, class T>
void unary_forward(CpuContext&, F f, View<const T> x, View<T> y);
template <class F, class T>
void unary_forward(CudaContext&, F f, View<const T> x, View<T> y);
/// dx = f.gradient(dy, kept)
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
