// A part of a whole along one axis, as strips: `rows` runs of `width` consecutive elements. In the
// part they lie one after the other; in the whole they are `pitch` apart, the first at `offset`.
// concat and slice, forward and backward, are copies between the two.
#pragma once

#include <algorithm>
#include <cstring>

#include "engine/cpu/context.h"
#include "engine/shape.h"

namespace weft {

struct Strips {
  int64_t rows, width, pitch, offset;

  Strips(const Shape& part, const Shape& whole, int axis, int64_t begin)
      : rows(part.outer(axis)),
        width(part.inner(axis)),
        pitch(whole.inner(axis)),
        offset(begin * whole.inner(axis + 1)) {}
};

/// Calls f(in_part, in_whole, count) for pieces of strips, in parallel.
template <class F>
void for_strips(CpuContext& ctx, const Strips& s, F&& f) {
  if (s.width == 0) return;
  const int64_t piece = std::min(s.width, pointwise_chunk);
  const int64_t pieces = (s.width + piece - 1) / piece;
  ctx.for_chunks(s.rows * pieces, std::max<int64_t>(1, pointwise_chunk / piece),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t item = begin; item < end; ++item) {
                     const int64_t row = item / pieces, at = item % pieces * piece;
                     f(row * s.width + at, row * s.pitch + s.offset + at,
                       std::min(piece, s.width - at));
                   }
                 });
}

}  // namespace weft
