// max_pool: y[n, i, j, c] = max of x[n, i s - p + r, j s - p + t, c] over 0 <= r, t < k inside x.
// x [N, H, W, C] -> y [N, H', W', C] (ops/pool_window.h). Of equals the first in row-major order
// wins; NaN wins over numbers. dx gathers, for each pixel, dy of the windows that chose it, in
// row-major order. Retains the choice, r k + t, as one byte per output.
#pragma once

#include "engine/tape.h"
#include "ops/pool_window.h"

namespace weft {

/// kernel <= 15, so that a choice fits its byte.
Var max_pool(const Var& x, const PoolOptions&, SourceLoc = SourceLoc::here());

namespace kernels {

template <class T>
void max_pool_forward(CpuContext&, View<const T> x, const PoolOptions&, View<T> y,
                      View<uint8_t> choice);
template <class T>
void max_pool_forward(CudaContext&, View<const T> x, const PoolOptions&, View<T> y,
                      View<uint8_t> choice);
template <class T>
void max_pool_backward(CpuContext&, View<const T> dy, View<const uint8_t> choice,
                       const PoolOptions&, View<T> dx);
template <class T>
void max_pool_backward(CudaContext&, View<const T> dy, View<const uint8_t> choice,
                       const PoolOptions&, View<T> dx);

}  // namespace kernels
}  // namespace weft
