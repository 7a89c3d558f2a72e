// dropout: y = x m / (1 - p), m = [U >= p] per element, U from Philox(seed, dropout, step, name) by
// the element's index in the batch, of which a rank has as many rows as any (engine/ranks.h); dx = dy
// m / (1 - p). Any shape. Retains 28 bytes: backward draws the same words again (2 GB/s per core),
// and no mask takes memory. In evaluation there is no op: no call.
// relu_dropout: y = max(x, 0) m / (1 - p) in one pass; dx = dy / (1 - p) where y > 0. Retains y.
#pragma once

#include <string_view>

#include "engine/philox.h"
#include "engine/tape.h"

namespace weft {

/// p in [0, 1); p = 0 returns x itself. `name` is stable: "heads.seg.aspp0.drop1".
Var dropout(const Var& x, double p, const Noise& noise, std::string_view name,
            SourceLoc = SourceLoc::here());
Var relu_dropout(const Var& x, double p, const Noise& noise, std::string_view name,
                 SourceLoc = SourceLoc::here());

/// U >= p, exactly, as a comparison of integers: word >> 8 must reach this.
WEFT_HD constexpr int32_t keep_from(double p) {
  const double at = p * 16777216.0;  // exact: a power of two
  const auto whole = static_cast<int32_t>(at);
  return whole + 0.5 >= at ? whole : whole + 1;
}

namespace kernels {

/// y = x m / (1 - p); its own backward, with dy for x. `first`: the index of x's first element.
template <class T>
void dropout(CpuContext&, const Philox&, uint64_t first, double p, View<const T> x, View<T> y);
template <class T>
void dropout(CudaContext&, const Philox&, uint64_t first, double p, View<const T> x, View<T> y);
template <class T>
void relu_dropout_forward(CpuContext&, const Philox&, uint64_t first, double p, View<const T> x,
                          View<T> y);
template <class T>
void relu_dropout_forward(CudaContext&, const Philox&, uint64_t first, double p, View<const T> x,
                          View<T> y);
template <class T>
void relu_dropout_backward(CpuContext&, double p, View<const T> y, View<const T> dy, View<T> dx);
template <class T>
void relu_dropout_backward(CudaContext&, double p, View<const T> y, View<const T> dy, View<T> dx);

}  // namespace kernels
}  // namespace weft
