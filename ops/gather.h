// gather: the places along one axis of x that ids name, as NumPy's take: x [A.., V, B..] and ids
// [I..] in 0 .. V-1 give y [A.., I.., B..], y[a, i, b] = x[a, ids[i], b]. embedding: the same of
// the rows of a table [V, C], y [I.., C].
//   dx[a, v, b] = sum of dy[a, i, b] over the i with ids[i] = v, in an order that ids alone fix.
// Retains the ids.
#pragma once

#include "engine/tape.h"

namespace weft {

/// ids are i32. One outside 0 .. V-1 is a DataError that names it; on a GPU, where looking would
/// wait for the device, it makes its part of y NaN. A negative axis counts from the end.
Var gather(const Var& x, int axis, const Tensor& ids, SourceLoc = SourceLoc::here());
Var embedding(const Var& table, const Tensor& ids, SourceLoc = SourceLoc::here());

namespace kernels {

template <class T>
void gather_forward(CpuContext&, View<const T> x, int axis, View<const int32_t> ids, View<T> y);
template <class T>
void gather_forward(CudaContext&, View<const T> x, int axis, View<const int32_t> ids, View<T> y);
template <class T>
void gather_backward(CpuContext&, View<const T> dy, int axis, View<const int32_t> ids, View<T> dx);
template <class T>
void gather_backward(CudaContext&, View<const T> dy, int axis, View<const int32_t> ids, View<T> dx);

}  // namespace kernels
}  // namespace weft
