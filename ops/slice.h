// slice: y is the indices begin .. begin + count - 1 of x along `axis`. Along the first axis y
// shares x's bytes, and dy is added to its rows of x's gradient; along any other axis dx is dy with
// zeros around it. Retains nothing but the place.
#pragma once

#include "engine/tape.h"

namespace weft {

/// A negative axis counts from the end.
Var slice(const Var& x, int axis, int64_t begin, int64_t count, SourceLoc = SourceLoc::here());

namespace kernels {

template <class T>
void slice_forward(CpuContext&, View<const T> x, int axis, int64_t begin, View<T> y);
template <class T>
void slice_forward(CudaContext&, View<const T> x, int axis, int64_t begin, View<T> y);
template <class T>
void slice_backward(CpuContext&, View<const T> dy, int axis, int64_t begin, View<T> dx);
template <class T>
void slice_backward(CudaContext&, View<const T> dy, int axis, int64_t begin, View<T> dx);

}  // namespace kernels
}  // namespace weft
