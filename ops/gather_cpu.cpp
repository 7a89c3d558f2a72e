// gather on the CPU: copies; back again, ids are counted into an order by value, and each place of
// dx adds up what it was copied to, in the order of ids: pieces of so many, combined pairwise.
#include "ops/gather.h"

#include <algorithm>
#include <vector>

#include "engine/reduce_tree.h"

namespace weft::kernels {
namespace {

constexpr int64_t piece = 64;  // occurrences added one after the other

/// Where each value stands in ids, in order: order[first[v]] .. order[first[v + 1] - 1].
struct Occurrences {
  std::vector<int64_t> first;
  std::vector<int32_t> order;

  Occurrences(View<const int32_t> ids, int64_t values)
      : first(static_cast<size_t>(values) + 1), order(static_cast<size_t>(ids.numel())) {
    for (int64_t i = 0; i < ids.numel(); ++i) ++first[static_cast<size_t>(ids[i]) + 1];
    for (int64_t v = 0; v < values; ++v) first[v + 1] += first[v];
    std::vector<int64_t> next(first.begin(), first.end() - 1);
    for (int64_t i = 0; i < ids.numel(); ++i) order[next[ids[i]]++] = static_cast<int32_t>(i);
  }
};

/// Some occurrences of one value: its row of dx where they are all, else a row of parts.
struct Piece {
  int64_t value, begin, end, part;
};

/// More than one piece of a value: count rows of parts from `part` on.
struct Shared {
  int64_t value, part, count;
};

int64_t rows_a_chunk(int64_t inner) {
  return std::max<int64_t>(1, pointwise_chunk / std::max<int64_t>(1, inner));
}

}  // namespace

template <class T>
void gather_forward(CpuContext& ctx, View<const T> x, int axis, View<const int32_t> ids,
                    View<T> y) {
  const int64_t n = ids.numel(), values = x.shape[axis], inner = x.shape.inner(axis + 1);
  ctx.for_chunks(x.shape.outer(axis) * n, rows_a_chunk(inner), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      std::copy_n(x.data + (row / n * values + ids[row % n]) * inner, inner, y.data + row * inner);
  });
}

template <class T>
void gather_backward(CpuContext& ctx, View<const T> dy, int axis, View<const int32_t> ids,
                     View<T> dx) {
  const int64_t n = ids.numel(), values = dx.shape[axis], inner = dx.shape.inner(axis + 1);
  const int64_t outer = dx.shape.outer(axis);
  const Occurrences all(ids, values);
  std::vector<Piece> pieces;
  std::vector<Shared> shared;
  int64_t rows = 0;  // of parts
  for (int64_t v = 0; v < values; ++v) {
    const int64_t begin = all.first[v], end = all.first[v + 1];
    if (end - begin <= piece) {
      pieces.push_back({v, begin, end, -1});
      continue;
    }
    shared.push_back({v, rows, (end - begin + piece - 1) / piece});
    for (int64_t i = begin; i < end; i += piece)
      pieces.push_back({v, i, std::min(i + piece, end), rows++});
  }
  const Tensor memory = Tensor::empty({outer, rows, inner}, dtype_of<T>(), ctx.memory());
  T* parts = memory.data<T>();
  const auto count = static_cast<int64_t>(pieces.size());
  ctx.for_chunks(outer * count, rows_a_chunk(inner), [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t o = item / count;
      const Piece& p = pieces[static_cast<size_t>(item % count)];
      T* __restrict to = p.part < 0 ? dx.data + (o * values + p.value) * inner
                                    : parts + (o * rows + p.part) * inner;
      std::fill_n(to, inner, T(0));
      for (int64_t i = p.begin; i < p.end; ++i) {
        const T* __restrict from = dy.data + (o * n + all.order[i]) * inner;
        for (int64_t j = 0; j < inner; ++j) to[j] += from[j];
      }
    }
  });
  const auto sums = static_cast<int64_t>(shared.size());
  ctx.for_chunks(outer * sums, 1, [&](int64_t item, int64_t) {
    const int64_t o = item / sums;
    const Shared& s = shared[static_cast<size_t>(item % sums)];
    T* from = parts + (o * rows + s.part) * inner;
    combine_pairwise(from, s.count, inner);
    std::copy_n(from, inner, dx.data + (o * values + s.value) * inner);
  });
}

#define WEFT_INSTANTIATE(T)                                                                    \
  template void gather_forward(CpuContext&, View<const T>, int, View<const int32_t>, View<T>); \
  template void gather_backward(CpuContext&, View<const T>, int, View<const int32_t>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
