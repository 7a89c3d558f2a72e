// Broadcasting as loops: two operands aligned at the right, an extent of 1 stretches (stride 0).
// Axes on which both operands behave alike are merged, so that equal shapes become one long row,
// [N, H, W, C] with [C] becomes rows of C, and a scalar operand is one row with stride 0. The last
// axis has stride 0 or 1 for each operand: the inner loop is contiguous and vectorises.
#pragma once

#include <algorithm>
#include <array>

#include "engine/cpu/context.h"
#include "engine/philox.h"
#include "engine/shape.h"

namespace weft {

/// Trivially copyable: a kernel on any backend takes it by value.
struct Broadcast {
  int rank = 0;  ///< at least 1 after the constructor
  std::array<int64_t, Shape::max_rank> extent{}, a_stride{}, b_stride{};

  Broadcast(const Shape& a, const Shape& b) {
    const Shape out = Shape::broadcast(a, b);
    int64_t a_step = 1, b_step = 1;  // strides of the axis at hand, from the right
    Broadcast reversed;
    for (int i = 1; i <= out.rank(); ++i) {
      const int64_t n = out[out.rank() - i];
      if (n == 1) continue;
      const bool a_moves = i <= a.rank() && a[a.rank() - i] != 1;
      const bool b_moves = i <= b.rank() && b[b.rank() - i] != 1;
      reversed.append(n, a_moves ? a_step : 0, b_moves ? b_step : 0);
      if (a_moves) a_step *= n;
      if (b_moves) b_step *= n;
    }
    if (reversed.rank == 0) reversed.append(1, 1, 1);
    rank = reversed.rank;
    for (int i = 0; i < rank; ++i) {
      extent[i] = reversed.extent[rank - 1 - i];
      a_stride[i] = reversed.a_stride[rank - 1 - i];
      b_stride[i] = reversed.b_stride[rank - 1 - i];
    }
  }

  int64_t inner() const { return extent[rank - 1]; }
  /// How many rows of inner() elements there are.
  int64_t rows() const {
    int64_t n = 1;
    for (int i = 0; i < rank - 1; ++i) n *= extent[i];
    return n;
  }
  /// Where row `row` starts in an operand with these strides.
  static WEFT_HD int64_t start(const Broadcast& g, int64_t row,
                               const std::array<int64_t, Shape::max_rank>& stride) {
    int64_t at = 0;
    for (int i = g.rank - 2; i >= 0; --i) {
      at += row % g.extent[i] * stride[i];
      row /= g.extent[i];
    }
    return at;
  }

 private:
  Broadcast() = default;
  /// The next axis towards the left; merged into the one before where both operands allow it.
  void append(int64_t n, int64_t a, int64_t b) {
    if (rank > 0) {
      const int last = rank - 1;
      const bool a_joins = a_stride[last] == 0 ? a == 0 : a == a_stride[last] * extent[last];
      const bool b_joins = b_stride[last] == 0 ? b == 0 : b == b_stride[last] * extent[last];
      if (a_joins && b_joins) {
        extent[last] *= n;
        return;
      }
    }
    extent[rank] = n;
    a_stride[rank] = a;
    b_stride[rank] = b;
    ++rank;
  }
};

/// Calls f(out, a, b, count) for runs of `count` consecutive output elements from `out`, whose
/// operands start at offsets a and b and go on with the last axis's strides.
template <class F>
void for_broadcast(CpuContext& ctx, const Broadcast& g, F&& f) {
  const int64_t inner = g.inner();
  const int64_t run = std::min(inner, pointwise_chunk);
  if (run == 0) return;
  const int64_t runs = (inner + run - 1) / run;  // per row
  ctx.for_chunks(g.rows() * runs, std::max<int64_t>(1, pointwise_chunk / run),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t item = begin; item < end; ++item) {
                     const int64_t row = item / runs, at = item % runs * run;
                     f(row * inner + at,
                       Broadcast::start(g, row, g.a_stride) + at * g.a_stride[g.rank - 1],
                       Broadcast::start(g, row, g.b_stride) + at * g.b_stride[g.rank - 1],
                       std::min(run, inner - at));
                   }
                 });
}

}  // namespace weft
