// matmul on the CPU: a transposed left factor is an outer product over k, the others are by rows.
#include "ops/matmul.h"

#include "engine/cpu/gemm.h"

namespace weft::kernels {

template <class T>
void matmul(CpuContext& ctx, View<const T> a, View<const T> b, Transpose transpose, View<T> y) {
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

template void matmul<float>(CpuContext&, View<const float>, View<const float>, Transpose,
                            View<float>);
template void matmul<double>(CpuContext&, View<const double>, View<const double>, Transpose,
                             View<double>);

}  // namespace weft::kernels
