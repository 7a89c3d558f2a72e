// top_k on the CPU. x is [outer, n, inner], cut into pieces of neighbouring columns. The largest
// alone is kept row by row, as memory lies; more than one are sorted, a column at a time.
#include <algorithm>
#include <vector>

#include "ops/top_k.h"

namespace weft::kernels {
namespace {

constexpr int64_t column_piece = 1024;

/// f(o, first column, columns) for all of [outer, n, inner], in parallel.
template <class F>
void for_columns(CpuContext& ctx, int64_t outer, int64_t n, int64_t inner, F&& f) {
  if (inner == 0) return;
  const int64_t piece = std::min(inner, column_piece), pieces = (inner + piece - 1) / piece;
  ctx.for_chunks(outer * pieces, std::max<int64_t>(1, pointwise_chunk / (piece * n)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t item = begin; item < end; ++item) {
                     const int64_t first = item % pieces * piece;
                     f(item / pieces, first, std::min(piece, inner - first));
                   }
                 });
}

template <class T>
void largest(const T* x, int64_t n, int64_t inner, int64_t columns, T* y, int32_t* indices) {
  std::copy_n(x, columns, y);
  std::fill_n(indices, columns, 0);
  for (int64_t row = 1; row < n; ++row)
    for (int64_t c = 0; c < columns; ++c) {
      const Ranked<T> here{x[row * inner + c], static_cast<int32_t>(row)};
      if (!here.before({y[c], indices[c]})) continue;
      y[c] = here.value;
      indices[c] = here.index;
    }
}

}  // namespace

template <class T>
void top_k_forward(CpuContext& ctx, View<const T> x, int axis, View<T> y, View<int32_t> indices) {
  const int64_t n = x.shape[axis], k = y.shape[axis], inner = x.shape.inner(axis + 1);
  for_columns(ctx, x.shape.outer(axis), n, inner, [&](int64_t o, int64_t first, int64_t columns) {
    const T* from = x.data + o * n * inner + first;
    const int64_t to = o * k * inner + first;
    if (k == 1) return largest(from, n, inner, columns, y.data + to, indices.data + to);
    std::vector<Ranked<T>> column(static_cast<size_t>(n));
    for (int64_t c = 0; c < columns; ++c) {
      for (int64_t row = 0; row < n; ++row)
        column[row] = {from[row * inner + c], static_cast<int32_t>(row)};
      std::partial_sort(column.begin(), column.begin() + k, column.end(),
                        [](const auto& a, const auto& b) { return a.before(b); });
      for (int64_t rank = 0; rank < k; ++rank) {
        y[to + rank * inner + c] = column[rank].value;
        indices[to + rank * inner + c] = column[rank].index;
      }
    }
  });
}

template <class T>
void top_k_backward(CpuContext& ctx, View<const T> dy, View<const int32_t> indices, int axis,
                    View<T> dx) {
  const int64_t n = dx.shape[axis], k = dy.shape[axis], inner = dx.shape.inner(axis + 1);
  for_columns(ctx, dx.shape.outer(axis), n, inner, [&](int64_t o, int64_t first, int64_t columns) {
    T* to = dx.data + o * n * inner + first;
    for (int64_t row = 0; row < n; ++row) std::fill_n(to + row * inner, columns, T(0));
    for (int64_t rank = 0; rank < k; ++rank) {
      const int64_t from = (o * k + rank) * inner + first;
      for (int64_t c = 0; c < columns; ++c) to[indices[from + c] * inner + c] = dy[from + c];
    }
  });
}

#define WEFT_INSTANTIATE(T)                                                             \
  template void top_k_forward(CpuContext&, View<const T>, int, View<T>, View<int32_t>); \
  template void top_k_backward(CpuContext&, View<const T>, View<const int32_t>, int, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
