// softmax over the last axis: y_i = exp(x_i - max x) / sum_j exp(x_j - max x);
// dx_i = y_i (dy_i - sum_j y_j dy_j). log_softmax: y_i = x_i - max x - log sum_j exp(x_j - max x);
// dx_i = dy_i - exp(y_i) sum_j dy_j. Any shape of rank 1 or more. Both retain y.
#pragma once

#include "engine/tape.h"

namespace weft {

Var softmax(const Var& x, SourceLoc = SourceLoc::here());
Var log_softmax(const Var& x, SourceLoc = SourceLoc::here());

namespace kernels {

template <class T>
void softmax_forward(CpuContext&, View<const T> x, View<T> y);
template <class T>
void softmax_forward(CudaContext&, View<const T> x, View<T> y);
template <class T>
void softmax_backward(CpuContext&, View<const T> y, View<const T> dy, View<T> dx);
template <class T>
void softmax_backward(CudaContext&, View<const T> y, View<const T> dy, View<T> dx);
template <class T>
void log_softmax_forward(CpuContext&, View<const T> x, View<T> y);
template <class T>
void log_softmax_forward(CudaContext&, View<const T> x, View<T> y);
template <class T>
void log_softmax_backward(CpuContext&, View<const T> y, View<const T> dy, View<T> dx);
template <class T>
void log_softmax_backward(CudaContext&, View<const T> y, View<const T> dy, View<T> dx);

}  // namespace kernels
}  // namespace weft
