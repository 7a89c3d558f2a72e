// gemm: cuBLAS counts columns first, so it is asked for y^T = op(b)^T op(a)^T.
#include "engine/cuda/gemm.h"

#include "engine/cuda/check.h"
#include "engine/cuda/launch.cuh"

namespace weft {

namespace {

/// What a call says of its elements' type and how they are multiplied.
template <class T>
struct Arithmetic {
  static constexpr bool is_f32 = sizeof(T) == 4;
  cudaDataType_t type = is_f32 ? CUDA_R_32F : CUDA_R_16BF;
  cublasComputeType_t compute;
  explicit Arithmetic(const CudaContext& ctx)
      : compute(is_f32 && ctx.math() == MatrixMath::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                         : CUBLAS_COMPUTE_32F) {}
};

cublasOperation_t op(bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }

}  // namespace

template <class T>
void gemm(CudaContext& ctx, int64_t m, int64_t n, int64_t k, const GemmOperand<T>& a,
          const GemmOperand<T>& b, float beta, T* y, int64_t y_stride) {
  if (m == 0 || n == 0) return;
  if (k == 0) {  // nothing to add; cuBLAS would refuse rows of no elements
    if (beta == 0)
      for_each(ctx, "gemm of nothing", m * n,
               [=] __device__(int64_t i) { y[i / n * y_stride + i % n] = T{}; });
    return;
  }
  const Arithmetic<T> of(ctx);
  const float one = 1;
  WEFT_CUDA(cublasGemmEx(ctx.cublas(), op(b.transposed), op(a.transposed), static_cast<int>(n),
                         static_cast<int>(m), static_cast<int>(k), &one, b.data, of.type,
                         static_cast<int>(b.stride), a.data, of.type, static_cast<int>(a.stride),
                         &beta, y, of.type, static_cast<int>(y_stride), of.compute,
                         CUBLAS_GEMM_DEFAULT));
}

template <class T>
void gemm_batched(CudaContext& ctx, int64_t batch, int64_t m, int64_t n, int64_t k,
                  const GemmOperand<T>& a, const GemmOperand<T>& b, T* y) {
  if (batch == 0 || m == 0 || n == 0) return;
  if (k == 0) return gemm(ctx, batch * m, n, 0, a, b, 0, y, n);
  const Arithmetic<T> of(ctx);
  const float one = 1, none = 0;
  WEFT_CUDA(cublasGemmStridedBatchedEx(
      ctx.cublas(), op(b.transposed), op(a.transposed), static_cast<int>(n), static_cast<int>(m),
      static_cast<int>(k), &one, b.data, of.type, static_cast<int>(b.stride), b.next, a.data,
      of.type, static_cast<int>(a.stride), a.next, &none, y, of.type, static_cast<int>(n), m * n,
      static_cast<int>(batch), of.compute, CUBLAS_GEMM_DEFAULT));
}

template void gemm(CudaContext&, int64_t, int64_t, int64_t, const GemmOperand<float>&,
                   const GemmOperand<float>&, float, float*, int64_t);
template void gemm(CudaContext&, int64_t, int64_t, int64_t, const GemmOperand<bf16_t>&,
                   const GemmOperand<bf16_t>&, float, bf16_t*, int64_t);
template void gemm_batched(CudaContext&, int64_t, int64_t, int64_t, int64_t,
                           const GemmOperand<float>&, const GemmOperand<float>&, float*);
template void gemm_batched(CudaContext&, int64_t, int64_t, int64_t, int64_t,
                           const GemmOperand<bf16_t>&, const GemmOperand<bf16_t>&, bf16_t*);

}  // namespace weft
