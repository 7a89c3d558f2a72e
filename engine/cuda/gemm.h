// Row-major matrix products by cuBLAS: y [m, n] = op(a) op(b) + beta y, sums in f32, beta 0 or 1.
// f32 factors are multiplied in full, or rounded to TF32 where the context's math says so; bf16 as
// they are. Leading dimensions are elements from row to row of what lies in memory.
#pragma once

#include <cstdint>

#include "engine/cuda/context.h"

namespace weft {

template <class T>
struct GemmOperand {
  const T* data;
  int64_t stride;           ///< elements from row to row
  bool transposed = false;  ///< memory holds the factor's transpose
  int64_t next = 0;         ///< elements from matrix to matrix of a batch; 0: one for all
};

/// y is of T, or f32.
template <class T, class Y>
void gemm(CudaContext& ctx, int64_t m, int64_t n, int64_t k, const GemmOperand<T>& a,
          const GemmOperand<T>& b, float beta, Y* y, int64_t y_stride);
/// The same with bias [n] added to every row as it is written, and no beta. False where cuBLAS has
/// no kernel for these sizes and addresses: nothing is done then.
template <class T>
bool gemm_bias(CudaContext& ctx, int64_t m, int64_t n, int64_t k, const GemmOperand<T>& a,
               const GemmOperand<T>& b, const T* bias, T* y, int64_t y_stride);
/// y [batch, m, n] = op(a_i) op(b_i) for each i.
template <class T>
void gemm_batched(CudaContext& ctx, int64_t batch, int64_t m, int64_t n, int64_t k,
                  const GemmOperand<T>& a, const GemmOperand<T>& b, T* y);

}  // namespace weft
