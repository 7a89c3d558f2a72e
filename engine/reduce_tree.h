// Sums whose order depends on n alone: fixed chunks, each summed from its first element to its
// last, then combined pairwise (neighbours first), so 1 and 7 threads give the same bits and the
// rounding error grows with log n. Used by losses, reductions and batch norm's statistics.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/cpu/context.h"

namespace weft {

inline constexpr int64_t sum_chunk = 1 << 12;

/// Combines columns begin .. end-1 of parts[0 .. count-1] (each `width` wide, one after the other) into
/// parts[0], pairwise.
template <class T>
void combine_pairwise(T* parts, int64_t count, int64_t width, int64_t begin, int64_t end) {
  for (int64_t stride = 1; stride < count; stride *= 2)
    for (int64_t i = 0; i + stride < count; i += 2 * stride)
      for (int64_t j = begin; j < end; ++j) parts[i * width + j] += parts[(i + stride) * width + j];
}
template <class T>
void combine_pairwise(T* parts, int64_t count, int64_t width = 1) {
  combine_pairwise(parts, count, width, 0, width);
}

/// All columns, shared out: where parts are many or wide.
template <class T>
void combine_columns(CpuContext& ctx, T* parts, int64_t count, int64_t width) {
  const int64_t chunk = std::max<int64_t>(64, pointwise_chunk / std::max<int64_t>(1, count));
  ctx.for_chunks(width, chunk, [&](int64_t begin, int64_t end) {
    combine_pairwise(parts, count, width, begin, end);
  });
}

/// Sum over i in 0 .. n-1, where chunk_sum(begin, end) sums one chunk.
template <class T, class F>
T reduce_tree(CpuContext& ctx, int64_t n, F&& chunk_sum, int64_t chunk = sum_chunk) {
  if (n <= 0) return T{};
  std::vector<T> parts(static_cast<size_t>((n + chunk - 1) / chunk));
  ctx.for_chunks(n, chunk, [&](int64_t begin, int64_t end) {
    parts[static_cast<size_t>(begin / chunk)] = chunk_sum(begin, end);
  });
  combine_pairwise(parts.data(), static_cast<int64_t>(parts.size()));
  return parts[0];
}

}  // namespace weft
