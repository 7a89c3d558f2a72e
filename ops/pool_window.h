// Windows of max_pool and avg_pool: output (i, j) covers rows i s - p .. i s - p + k - 1 and the
// like columns. H' = (H + 2p - k) / s + 1, rounded up with ceil_mode, but the last window must
// start inside x or its left padding (PyTorch's rule).
#pragma once

#include <algorithm>

#include "engine/cpu/context.h"
#include "engine/error.h"
#include "engine/philox.h"

namespace weft {

struct PoolOptions {
  int64_t kernel = 2, stride = 2, padding = 0;  ///< padding <= kernel / 2
  bool ceil_mode = false;
};

/// How many windows fit along an extent `in`.
inline int64_t pooled_extent(int64_t in, const PoolOptions& o) {
  const int64_t room = in + 2 * o.padding - o.kernel + (o.ceil_mode ? o.stride - 1 : 0);
  if (room < 0) return 0;
  const int64_t out = room / o.stride + 1;
  return (out - 1) * o.stride >= in + o.padding ? out - 1 : out;
}

/// [N, H, W, C] -> [N, H', W', C]; throws ShapeError where x or the options do not fit `op`.
inline Shape pooled_shape(const char* op, const Shape& x, const PoolOptions& o, SourceLoc loc) {
  if (x.rank() != 4) shape_error(op, loc, "x must be [N, H, W, C], got {}", x);
  if (o.kernel < 1 || o.stride < 1 || o.padding < 0 || 2 * o.padding > o.kernel)
    shape_error(op, loc, "kernel {}, stride {}, padding {}: padding may be half the kernel at most",
                o.kernel, o.stride, o.padding);
  const Shape y = {x[0], pooled_extent(x[1], o), pooled_extent(x[2], o), x[3]};
  if (y[1] < 1 || y[2] < 1)
    shape_error(op, loc, "x {} is smaller than a window of {} with padding {}", x, o.kernel,
                o.padding);
  return y;
}

/// Along one axis, the part `from` .. `to` - 1 of window `out` that lies inside x. Int: int64_t, or
/// int on a GPU, whose divisions of 64 bits take a hundred instructions.
template <class Int>
struct PoolWindowOf {
  Int start, from, to;

  WEFT_HD PoolWindowOf(Int out, Int extent, const PoolOptions& o)
      : start(out * static_cast<Int>(o.stride) - static_cast<Int>(o.padding)),
        from(std::max<Int>(0, -start)),
        to(std::min(static_cast<Int>(o.kernel), extent - start)) {}
  /// Its length with padding, without what ceil_mode lets stand out beyond: avg_pool's divisor.
  WEFT_HD Int padded(Int extent, const PoolOptions& o) const {
    return std::min(static_cast<Int>(o.kernel), extent + static_cast<Int>(o.padding) - start);
  }
};

/// Along one axis, the windows `from` .. `to` - 1 that cover pixel `in`.
template <class Int>
struct PoolCoverOf {
  Int from, to;

  WEFT_HD PoolCoverOf(Int in, Int windows, const PoolOptions& o) {
    const Int stride = static_cast<Int>(o.stride), place = in + static_cast<Int>(o.padding);
    from = std::max<Int>(0, (place - static_cast<Int>(o.kernel) + stride) / stride);
    to = std::min(windows, place / stride + 1);
  }
};

using PoolWindow = PoolWindowOf<int64_t>;
using PoolCover = PoolCoverOf<int64_t>;

/// f(image, row) for every row of images [N, H, W, C]; a chunk is about pointwise_chunk elements.
template <class F>
void for_image_rows(CpuContext& ctx, const Shape& shape, F&& f) {
  const int64_t work = std::max<int64_t>(1, shape.inner(2));
  ctx.for_chunks(shape[0] * shape[1], std::max<int64_t>(1, pointwise_chunk / work),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) f(i / shape[1], i % shape[1]);
                 });
}

}  // namespace weft
