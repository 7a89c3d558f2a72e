// Sums and means: over everything, y is a scalar (shape []); over given axes, these keep extent 1,
// so y broadcasts against x again: mean_over(x, {1, 2}) of [N, H, W, C] is [N, 1, 1, C]. The order
// of every sum depends on the shape alone. dx = dy (times 1 / count) spread back. Retains nothing.
#pragma once

#include <vector>

#include "engine/tape.h"

namespace weft {

Var sum(const Var& x, SourceLoc = SourceLoc::here());
/// NaN where x is empty, as 0 / 0 says.
Var mean(const Var& x, SourceLoc = SourceLoc::here());
/// Negative axes count from the end.
Var sum_over(const Var& x, const std::vector<int>& axes, SourceLoc = SourceLoc::here());
Var mean_over(const Var& x, const std::vector<int>& axes, SourceLoc = SourceLoc::here());

/// The gradient of a broadcast: x summed over the axes on which `shape` was stretched to x's shape.
/// Shares x's bytes where nothing was.
Tensor sum_to(const AnyContext&, const Tensor& x, const Shape& shape);

namespace kernels {

/// x as [outer, n, inner] summed over n: y [outer, inner] = factor * sum.
template <class T>
void sum_middle(CpuContext&, View<const T> x, int64_t outer, int64_t n, int64_t inner,
                double factor, View<T> y);
/// y is of T, or f32.
template <class T, class Y>
void sum_middle(CudaContext&, View<const T> x, int64_t outer, int64_t n, int64_t inner,
                double factor, View<Y> y);
/// y = factor * x, x broadcast to y's shape.
template <class T>
void expand(CpuContext&, View<const T> x, double factor, View<T> y);
template <class T>
void expand(CudaContext&, View<const T> x, double factor, View<T> y);

}  // namespace kernels
}  // namespace weft
