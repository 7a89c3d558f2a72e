// matmul on the GPU: one call of cuBLAS for a product or a batch of them, which transposes as it
// reads. In f32x6 one product is a layer's: a b^T its output, a b the gradient of its input, a^T b
// that of its weight (ops/linear_cuda.cu).
#include "engine/cuda/gemm.h"
#include "ops/conv2d_tensor_cuda.cuh"
#include "ops/linear.h"
#include "ops/matmul.h"

namespace weft::kernels {
namespace {

template <class T>
GemmOperand<T> operand(const View<const T>& v, bool transposed) {
  const int rank = v.shape.rank();
  return {v.data, v.shape[rank - 1], transposed, rank == 2 ? 0 : v.shape.inner(rank - 2)};
}

}  // namespace

template <class T>
void matmul(CudaContext& ctx, View<const T> a, View<const T> b, Transpose transpose, View<T> y) {
  const bool of_a = transpose == Transpose::a, of_b = transpose == Transpose::b;
  const int rank = y.shape.rank();
  const int64_t m = y.shape[rank - 2], n = y.shape[rank - 1];
  const int64_t k = a.shape[a.shape.rank() - (of_a ? 2 : 1)];
  if (rank == 2 && hopper_conv::splits<T>(ctx) && y.numel() > 0 && k > 0) {
    if constexpr (sizeof(T) == 4) {
      if (of_a) return linear_backward_weight<T>(ctx, b, a, y);
      if (of_b) return linear_forward<T>(ctx, a, b, {}, y);
      return linear_backward_input<T>(ctx, b, a, y);
    }
  }
  if (rank == 2)
    gemm<T>(ctx, m, n, k, operand(a, of_a), operand(b, of_b), 0, y.data, n);
  else
    gemm_batched<T>(ctx, y.shape.outer(rank - 2), m, n, k, operand(a, of_a), operand(b, of_b),
                    y.data);
}

template void matmul<float>(CudaContext&, View<const float>, View<const float>, Transpose,
                            View<float>);
template void matmul<bf16_t>(CudaContext&, View<const bf16_t>, View<const bf16_t>, Transpose,
                             View<bf16_t>);

}  // namespace weft::kernels
