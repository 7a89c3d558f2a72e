// top_k: the k largest of x along an axis, in falling order, and max_over: the largest alone. Of
// equals the lower index comes first, -0 and 0 are equals, and NaN counts as larger than every
// number (as PyTorch's), so that it is never hidden. x [.., n, ..], 1 <= k <= n, y [.., k, ..].
// dx: dy at the chosen places and 0 elsewhere. Retains the chosen indices, i32 of y's shape.
#pragma once

#include "engine/philox.h"
#include "engine/tape.h"

namespace weft {

/// A negative axis counts from the end. `indices`, where given, become those that are retained.
Var top_k(const Var& x, int axis, int64_t k, Tensor* indices = nullptr,
          SourceLoc = SourceLoc::here());
/// top_k with k = 1: the axis keeps extent 1, as in sum_over, and y broadcasts against x again.
Var max_over(const Var& x, int axis, Tensor* index = nullptr, SourceLoc = SourceLoc::here());

/// An element on its way to the top. The order is total, so that no way of looking at a column's
/// elements, nor of dividing them among threads, changes what is found.
template <class T>
struct Ranked {
  T value;
  int32_t index;  ///< along the axis; below 0: none

  WEFT_HD bool before(const Ranked& other) const {
    const bool nan = value != value, other_nan = other.value != other.value;
    if (nan != other_nan) return nan;
    return nan || value == other.value ? index < other.index : value > other.value;
  }
};

namespace kernels {

/// x as [outer, n, inner]; y and indices [outer, k, inner].
template <class T>
void top_k_forward(CpuContext&, View<const T> x, int axis, View<T> y, View<int32_t> indices);
template <class T>
void top_k_forward(CudaContext&, View<const T> x, int axis, View<T> y, View<int32_t> indices);
template <class T>
void top_k_backward(CpuContext&, View<const T> dy, View<const int32_t> indices, int axis,
                    View<T> dx);
template <class T>
void top_k_backward(CudaContext&, View<const T> dy, View<const int32_t> indices, int axis,
                    View<T> dx);

}  // namespace kernels
}  // namespace weft
