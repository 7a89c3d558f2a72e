// concat: y is x0, x1, ... one after the other along `axis`; their other extents agree. Each dx is
// its part of dy; along the first axis it shares dy's bytes. Retains nothing but the axis.
#pragma once

#include <vector>

#include "engine/tape.h"

namespace weft {

/// A negative axis counts from the end.
Var concat(const std::vector<Var>& xs, int axis, SourceLoc = SourceLoc::here());

namespace kernels {

/// Writes x into y at index `begin` of `axis`. Back again: kernels::slice_forward.
template <class T>
void concat_forward(CpuContext&, View<const T> x, int axis, int64_t begin, View<T> y);
template <class T>
void concat_forward(CudaContext&, View<const T> x, int axis, int64_t begin, View<T> y);

}  // namespace kernels
}  // namespace weft
