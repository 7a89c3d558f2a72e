// RMS norm (Zhang and Sennrich 2019) over the last axis of x [.., C]:
//   y = x r weight,  r = 1 / sqrt(mean of x^2 + eps), weight [C].
//   dx = r (g - x r^2 mean of g x), g = dy weight; dweight = sum of dy x r over all rows.
// Retains x, weight where x needs a gradient, and r [.., 1].
#pragma once

#include "engine/tape.h"

namespace weft {

Var rms_norm(const Var& x, const Var& weight, double eps = 1e-5, SourceLoc = SourceLoc::here());

namespace kernels {

/// Fills r and y.
template <class T>
void rms_norm_forward(CpuContext&, View<const T> x, View<const stat_t<T>> weight, double eps,
                      View<stat_t<T>> r, View<T> y);
template <class T>
void rms_norm_forward(CudaContext&, View<const T> x, View<const stat_t<T>> weight, double eps,
                      View<stat_t<T>> r, View<T> y);
template <class T>
void rms_norm_backward_input(CpuContext&, View<const T> x, View<const stat_t<T>> weight,
                             View<const stat_t<T>> r, View<const T> dy, View<T> dx);
template <class T>
void rms_norm_backward_input(CudaContext&, View<const T> x, View<const stat_t<T>> weight,
                             View<const stat_t<T>> r, View<const T> dy, View<T> dx);
template <class T>
void rms_norm_backward_weight(CpuContext&, View<const T> x, View<const stat_t<T>> r,
                              View<const T> dy, View<stat_t<T>> dweight);
template <class T>
void rms_norm_backward_weight(CudaContext&, View<const T> x, View<const stat_t<T>> r,
                              View<const T> dy, View<stat_t<T>> dweight);

}  // namespace kernels
}  // namespace weft
