// matmul on the GPU: one product by cuBLAS, which transposes as it reads.
#include "engine/cuda/gemm.h"
#include "ops/matmul.h"

namespace weft::kernels {

template <class T>
void matmul(CudaContext& ctx, View<const T> a, View<const T> b, Transpose transpose, View<T> y) {
  const bool of_a = transpose == Transpose::a, of_b = transpose == Transpose::b;
  const int64_t k = a.shape[of_a ? 0 : 1];
  gemm<T>(ctx, y.shape[0], y.shape[1], k, {a.data, a.shape[1], of_a}, {b.data, b.shape[1], of_b}, 0,
          y.data, y.shape[1]);
}

template void matmul<float>(CudaContext&, View<const float>, View<const float>, Transpose,
                            View<float>);

}  // namespace weft::kernels
