// max_pool: y[n, i, j, c] = max of x[n, i s - p + r, j s - p + t, c] over 0 <= r, t < k inside x.
// x [N, H, W, C] -> y [N, H', W', C], H' = (H + 2p - k) / s + 1, rounded up with ceil_mode, but the
// last window must start inside x or its left padding (PyTorch's rule). Of equals the first in
// row-major order wins; NaN wins over numbers. dx gathers, for each pixel, dy of the windows that
// chose it, in row-major order. Retains the choice, r k + t, as one byte per output.
#pragma once

#include "engine/tape.h"

namespace weft {

struct PoolOptions {
  int64_t kernel = 2, stride = 2, padding = 0;  ///< padding <= kernel / 2
  bool ceil_mode = false;
};

/// The extent a window of these options leaves of `in`; avg_pool's too.
int64_t pooled_extent(int64_t in, const PoolOptions&);
/// [N, H, W, C] -> [N, H', W', C]; throws ShapeError where x or the options do not fit `op`.
Shape pooled_shape(const char* op, const Shape& x, const PoolOptions&, SourceLoc);

/// kernel <= 15, so that a choice fits its byte.
Var max_pool(Tape&, const Var& x, const PoolOptions&, SourceLoc = SourceLoc::here());

namespace kernels {

template <class T>
void max_pool_forward(CpuContext&, View<const T> x, const PoolOptions&, View<T> y,
                      View<uint8_t> choice);
template <class T>
void max_pool_backward(CpuContext&, View<const T> dy, View<const uint8_t> choice,
                       const PoolOptions&, View<T> dx);

}  // namespace kernels
}  // namespace weft
