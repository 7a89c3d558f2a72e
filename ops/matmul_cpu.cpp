// matmul on the CPU: a transposed left factor is an outer product over k, the others are by rows.
// Many products, or small ones, are shared out among the threads whole; a few large ones follow
// each other, each by all threads. The bits of a product are the same either way.
#include "ops/matmul.h"

#include <algorithm>

#include "engine/cpu/gemm.h"

namespace weft::kernels {
namespace {

constexpr int64_t small = 1 << 18;  // multiplications that are soon done by one thread

template <class T>
void multiply(CpuContext& ctx, View<const T> a, View<const T> b, Transpose transpose, View<T> y) {
  const int64_t rows = y.shape[0], columns = y.shape[1];
  const Rows<T> left{a.data, a.shape[1]}, right{b.data, b.shape[1]};
  if (transpose == Transpose::a) {
    gemm_outer<T>(ctx, {rows, 1, columns, columns}, {{a.shape[0], left, {right}, y.data}});
    return;
  }
  const Layout layout = transpose == Transpose::b ? Layout::along_k : Layout::along_n;
  gemm_rows<T>(ctx, {y.data, rows, columns, columns}, layout,
               {{rows, nullptr, a.shape[1], {{left, right}}}});
}

/// Matrix i of a batch; a plain one is all of them.
template <class T>
View<T> matrix(const View<T>& v, int64_t i) {
  const int rank = v.shape.rank();
  const int64_t rows = v.shape[rank - 2], columns = v.shape[rank - 1];
  return {v.data + (rank == 2 ? 0 : i * rows * columns), {rows, columns}};
}

}  // namespace

template <class T>
void matmul(CpuContext& ctx, View<const T> a, View<const T> b, Transpose transpose, View<T> y) {
  if (y.shape.rank() == 2) return multiply(ctx, a, b, transpose, y);
  const int64_t batch = y.shape.outer(y.shape.rank() - 2);
  if (y.numel() == 0) return;
  const int64_t inner = a.shape[a.shape.rank() - (transpose == Transpose::a ? 2 : 1)];
  const int64_t work = std::max<int64_t>(1, y.numel() / batch * inner);
  const auto one = [&](CpuContext& by, int64_t i) {
    multiply(by, matrix(a, i), matrix(b, i), transpose, matrix(y, i));
  };
  if (work > small && batch < 4 * ctx.threads()) {
    for (int64_t i = 0; i < batch; ++i) one(ctx, i);
    return;
  }
  ctx.for_chunks(batch, std::max<int64_t>(1, small / 4 / work), [&](int64_t begin, int64_t end) {
    CpuContext alone(1, ctx.math());
    for (int64_t i = begin; i < end; ++i) one(alone, i);
  });
}

template void matmul<float>(CpuContext&, View<const float>, View<const float>, Transpose,
                            View<float>);
template void matmul<double>(CpuContext&, View<const double>, View<const double>, Transpose,
                             View<double>);

}  // namespace weft::kernels
