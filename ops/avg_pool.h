// avg_pool: y[n, i, j, c] = the mean of x over a window (ops/pool_window.h), padding counted as
// zeros (PyTorch's count_include_pad); a window that ceil_mode lets stand out beyond the padding
// counts only what lies within. x [N, H, W, C] -> y [N, H', W', C]. dx gathers dy / count of the
// windows over a pixel, in row-major order. Retains nothing but the options.
// global_avg_pool: [N, H, W, C] -> [N, C], the mean over H and W.
#pragma once

#include "engine/tape.h"
#include "ops/pool_window.h"

namespace weft {

Var avg_pool(const Var& x, const PoolOptions&, SourceLoc = SourceLoc::here());
Var global_avg_pool(const Var& x, SourceLoc = SourceLoc::here());

namespace kernels {

template <class T>
void avg_pool_forward(CpuContext&, View<const T> x, const PoolOptions&, View<T> y);
template <class T>
void avg_pool_forward(CudaContext&, View<const T> x, const PoolOptions&, View<T> y);
template <class T>
void avg_pool_backward(CpuContext&, View<const T> dy, const PoolOptions&, View<T> dx);
template <class T>
void avg_pool_backward(CudaContext&, View<const T> dy, const PoolOptions&, View<T> dx);

}  // namespace kernels
}  // namespace weft
