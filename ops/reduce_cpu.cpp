// Reductions on the CPU. x is [outer, n, inner]; n is cut into chunks whose length depends on the
// shape alone, each chunk is summed in fixed order, and chunks are combined pairwise.
#include <algorithm>

#include "engine/reduce_tree.h"
#include "ops/broadcast.h"
#include "ops/reduce.h"

namespace weft::kernels {
namespace {

constexpr int64_t lanes = 32;          // running sums per contiguous chunk: independent, so vectors
constexpr int64_t column_chunk = 256;  // rows added one after the other, bounding f32's rounding
constexpr int64_t column_piece = 1024;  // columns at a time: the running sums stay in L1

template <class T>
T sum_contiguous(const T* x, int64_t n) {
  T sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane) sums[lane] += x[i + lane];
  for (int64_t lane = 0; i < n; ++i, ++lane) sums[lane] += x[i];
  combine_pairwise(sums, lanes);
  return sums[0];
}

template <class T>
void sum_columns(const T* __restrict x, int64_t rows, int64_t pitch, int64_t width,
                 T* __restrict sums) {
  std::fill(sums, sums + width, T(0));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < width; ++j) sums[j] += x[row * pitch + j];
}

}  // namespace

template <class T>
void sum_middle(CpuContext& ctx, View<const T> x, int64_t outer, int64_t n, int64_t inner,
                double factor, View<T> y) {
  const int64_t chunk = inner == 1 ? sum_chunk : column_chunk;
  const int64_t chunks = std::max<int64_t>(1, (n + chunk - 1) / chunk);
  const int64_t piece = std::min(inner, column_piece);
  if (outer == 0 || inner == 0) return;
  const int64_t pieces = (inner + piece - 1) / piece;
  const Tensor parts = Tensor::empty({outer, chunks, inner}, dtype_of<T>(), ctx.memory());
  T* sums = parts.data<T>();
  const int64_t work = std::min(chunk, std::max<int64_t>(1, n)) * piece;  // elements per item
  ctx.for_chunks(outer * chunks * pieces, std::max<int64_t>(1, pointwise_chunk / work),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t item = begin; item < end; ++item) {
                     const int64_t column = item % pieces * piece, part = item / pieces;
                     const int64_t row = part % chunks * chunk, count = std::min(chunk, n - row);
                     const T* from = x.data + (part / chunks * n + row) * inner + column;
                     T* to = sums + part * inner + column;
                     if (inner == 1)
                       *to = sum_contiguous(from, count);
                     else
                       sum_columns(from, count, inner, std::min(piece, inner - column), to);
                   }
                 });
  const T by = static_cast<T>(factor);
  ctx.for_chunks(outer, std::max<int64_t>(1, pointwise_chunk / (chunks * inner)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t o = begin; o < end; ++o) {
                     T* first = sums + o * chunks * inner;
                     combine_pairwise(first, chunks, inner);
                     for (int64_t j = 0; j < inner; ++j) y[o * inner + j] = by * first[j];
                   }
                 });
}

template <class T>
void expand(CpuContext& ctx, View<const T> x, double factor, View<T> y) {
  const Broadcast g(x.shape, y.shape);
  const int64_t stride = g.a_stride[g.rank - 1];
  const T by = static_cast<T>(factor);
  for_broadcast(ctx, g, [&](int64_t at, int64_t from, int64_t, int64_t count) {
    T* __restrict to = y.data + at;
    const T* __restrict in = x.data + from;
    if (stride == 0)
      std::fill(to, to + count, by * in[0]);
    else
      for (int64_t i = 0; i < count; ++i) to[i] = by * in[i];
  });
}

template void sum_middle(CpuContext&, View<const float>, int64_t, int64_t, int64_t, double,
                         View<float>);
template void sum_middle(CpuContext&, View<const double>, int64_t, int64_t, int64_t, double,
                         View<double>);
template void expand(CpuContext&, View<const float>, double, View<float>);
template void expand(CpuContext&, View<const double>, double, View<double>);

}  // namespace weft::kernels
