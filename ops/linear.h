// linear: y = x weight^T + bias. x [.., I], weight [O, I], bias [O], y [.., O]. Where x is bf16,
// weight and bias may be f32 masters (ops/master_weight.h).
//   dx = dy weight; dweight = dy^T x; dbias = sum of dy over all but its last axis.
// Retains x where the weight needs a gradient, and the weight where x does.
#pragma once

#include "engine/tape.h"

namespace weft {

Var linear(const Var& x, const Var& weight, SourceLoc = SourceLoc::here());
Var linear(const Var& x, const Var& weight, const Var& bias, SourceLoc = SourceLoc::here());

namespace kernels {

/// bias.data may be null.
template <class T>
void linear_forward(CpuContext&, View<const T> x, View<const T> weight, View<const T> bias,
                    View<T> y);
template <class T>
void linear_forward(CudaContext&, View<const T> x, View<const T> weight, View<const T> bias,
                    View<T> y);
template <class T>
void linear_backward_input(CpuContext&, View<const T> weight, View<const T> dy, View<T> dx);
template <class T>
void linear_backward_input(CudaContext&, View<const T> weight, View<const T> dy, View<T> dx);
/// On the CPU: whether all of dweight is finite.
template <class T>
bool linear_backward_weight(CpuContext&, View<const T> x, View<const T> dy,
                            View<stat_t<T>> dweight);
template <class T>
void linear_backward_weight(CudaContext&, View<const T> x, View<const T> dy,
                            View<stat_t<T>> dweight);
/// dbias[o] = sum of dy over all but its last axis; conv2d's bias as well.
template <class T>
void bias_backward(CpuContext&, View<const T> dy, View<stat_t<T>> dbias);
template <class T>
void bias_backward(CudaContext&, View<const T> dy, View<stat_t<T>> dbias);

}  // namespace kernels
}  // namespace weft
