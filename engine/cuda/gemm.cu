// gemm: cuBLAS counts columns first, so it is asked for y^T = op(b)^T op(a)^T. A bias is added by
// cublasLt, whose choice of a kernel (10 us of the host) is kept for each problem.
#include "engine/cuda/gemm.h"

#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

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

/// Of an address, in bytes, as far as kernels ask; no more, as where a tensor lies must not choose a
/// kernel, and with it the bits.
uint32_t alignment_of(const void* p) {
  const auto address = reinterpret_cast<uintptr_t>(p) | 16;
  return static_cast<uint32_t>(address & -address);
}

/// y^T = A B + bias as cublasLt is told of it; it lives for one call.
template <class T>
class BiasProblem {
 public:
  BiasProblem(CudaContext& ctx, int64_t m, int64_t n, int64_t k, const GemmOperand<T>& a,
              const GemmOperand<T>& b, const T* bias, T* y, int64_t y_stride)
      : ctx_(ctx), a_(b.data), b_(a.data), y_(y) {
    const Arithmetic<T> of(ctx);
    WEFT_CUDA(cublasLtMatmulDescInit(&work_, of.compute, CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, op(b.transposed));
    set(CUBLASLT_MATMUL_DESC_TRANSB, op(a.transposed));
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    layout(of, of_a_, b.transposed ? k : n, b.transposed ? n : k, b.stride);
    layout(of, of_b_, a.transposed ? m : k, a.transposed ? k : m, a.stride);
    layout(of, of_y_, n, m, y_stride);
    aligned_ = {alignment_of(a_), alignment_of(b_), std::min(alignment_of(y_), alignment_of(bias))};
    key_ = {m,
            n,
            k,
            a.stride,
            b.stride,
            y_stride,
            a.transposed,
            b.transposed,
            static_cast<int64_t>(of.type),
            static_cast<int64_t>(of.compute)};
    std::copy(aligned_.begin(), aligned_.end(), key_.end() - 3);
  }

  bool run() {
    const cublasLtMatmulHeuristicResult_t choice = chosen();
    if (choice.state != CUBLAS_STATUS_SUCCESS) return false;
    for (const int64_t word : key_) ctx_.note_kernel({static_cast<uint64_t>(word)});
    constexpr uintptr_t alignment = 256;  // without it a call is refused
    const Tensor memory = Tensor::empty({static_cast<int64_t>(choice.workspaceSize + alignment)},
                                        DType::u8, ctx_.memory());
    const auto address = reinterpret_cast<uintptr_t>(memory.raw());
    auto* const workspace = reinterpret_cast<void*>((address + alignment - 1) & ~(alignment - 1));
    const float one = 1, none = 0;
    const cublasStatus_t status =
        cublasLtMatmul(handle(), &work_, &one, a_, &of_a_, b_, &of_b_, &none, y_, &of_y_, y_,
                       &of_y_, &choice.algo, workspace, choice.workspaceSize, ctx_.stream());
    // What the heuristic offers may still be refused, before anything is started.
    if (status == CUBLAS_STATUS_INVALID_VALUE || status == CUBLAS_STATUS_NOT_SUPPORTED) {
      refuse();
      return false;
    }
    check(status, "cublasLtMatmul");
    return true;
  }

 private:
  using Key = std::array<int64_t, 13>;

  template <class V>
  void set(cublasLtMatmulDescAttributes_t attribute, const V& value) {
    WEFT_CUDA(cublasLtMatmulDescSetAttribute(&work_, attribute, &value, sizeof(value)));
  }
  static void layout(const Arithmetic<T>& of, cublasLtMatrixLayoutOpaque_t& to, int64_t rows,
                     int64_t columns, int64_t stride) {
    WEFT_CUDA(cublasLtMatrixLayoutInit(&to, of.type, static_cast<uint64_t>(rows),
                                       static_cast<uint64_t>(columns), stride));
  }
  /// A cuBLAS handle is one of cublasLt as well.
  cublasLtHandle_t handle() const { return reinterpret_cast<cublasLtHandle_t>(ctx_.cublas()); }

  struct Choices {
    std::mutex guard;
    std::map<Key, cublasLtMatmulHeuristicResult_t> of;
  };
  static Choices& choices() {
    static Choices all;
    return all;
  }
  cublasLtMatmulHeuristicResult_t chosen() {
    const std::lock_guard lock(choices().guard);
    auto place = choices().of.find(key_);
    if (place == choices().of.end()) place = choices().of.emplace(key_, choose()).first;
    return place->second;
  }
  void refuse() {
    const std::lock_guard lock(choices().guard);
    choices().of[key_].state = CUBLAS_STATUS_NOT_SUPPORTED;
  }
  cublasLtMatmulHeuristicResult_t choose() {
    cublasLtMatmulPreferenceOpaque_t wish;
    WEFT_CUDA(cublasLtMatmulPreferenceInit(&wish));
    const auto ask = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
      WEFT_CUDA(cublasLtMatmulPreferenceSetAttribute(&wish, attribute, &value, sizeof(value)));
    };
    ask(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{32} << 20);
    // Where k is divided, parts are added up as f32, in a fixed order.
    ask(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    ask(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, aligned_[0]);
    ask(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, aligned_[1]);
    ask(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, aligned_[2]);
    ask(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, aligned_[2]);
    cublasLtMatmulHeuristicResult_t choice{};
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle(), &work_, &of_a_, &of_b_, &of_y_, &of_y_, &wish, 1, &choice, &found);
    if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, "cublasLtMatmulAlgoGetHeuristic");
    if (status != CUBLAS_STATUS_SUCCESS || found == 0) choice.state = CUBLAS_STATUS_NOT_SUPPORTED;
    return choice;
  }

  CudaContext& ctx_;
  const T *a_, *b_;
  T* y_;
  cublasLtMatmulDescOpaque_t work_;
  cublasLtMatrixLayoutOpaque_t of_a_, of_b_, of_y_;
  std::array<uint32_t, 3> aligned_;  ///< of A, B, and of y and the bias
  Key key_;
};

/// All that cuBLAS knows when it chooses a kernel.
template <class T, class Y>
void note_product(CudaContext& ctx, const std::array<int64_t, 4>& sizes, const GemmOperand<T>& a,
                  const GemmOperand<T>& b, const Y* y, int64_t y_stride) {
  for (const int64_t size : sizes) ctx.note_kernel({static_cast<uint64_t>(size)});
  for (const GemmOperand<T>& factor : {a, b})
    ctx.note_kernel({static_cast<uint64_t>(factor.stride), static_cast<uint64_t>(factor.next),
                     factor.transposed, alignment_of(factor.data)});
  ctx.note_kernel({sizeof(T), sizeof(Y), static_cast<uint64_t>(y_stride), alignment_of(y)});
}

}  // namespace

template <class T, class Y>
void gemm(CudaContext& ctx, int64_t m, int64_t n, int64_t k, const GemmOperand<T>& a,
          const GemmOperand<T>& b, float beta, Y* y, int64_t y_stride) {
  if (m == 0 || n == 0) return;
  if (k == 0) {  // nothing to add; cuBLAS would refuse rows of no elements
    if (beta == 0)
      for_each(ctx, "gemm of nothing", m * n,
               [=] __device__(int64_t i) { y[i / n * y_stride + i % n] = Y{}; });
    return;
  }
  const Arithmetic<T> of(ctx);
  const float one = 1;
  note_product(ctx, {1, m, n, k}, a, b, y, y_stride);
  WEFT_CUDA(cublasGemmEx(ctx.cublas(), op(b.transposed), op(a.transposed), static_cast<int>(n),
                         static_cast<int>(m), static_cast<int>(k), &one, b.data, of.type,
                         static_cast<int>(b.stride), a.data, of.type, static_cast<int>(a.stride),
                         &beta, y, Arithmetic<Y>(ctx).type, static_cast<int>(y_stride), of.compute,
                         CUBLAS_GEMM_DEFAULT));
}

template <class T>
bool gemm_bias(CudaContext& ctx, int64_t m, int64_t n, int64_t k, const GemmOperand<T>& a,
               const GemmOperand<T>& b, const T* bias, T* y, int64_t y_stride) {
  if (m == 0 || n == 0 || k == 0) return false;
  return BiasProblem<T>(ctx, m, n, k, a, b, bias, y, y_stride).run();
}

template <class T>
void gemm_batched(CudaContext& ctx, int64_t batch, int64_t m, int64_t n, int64_t k,
                  const GemmOperand<T>& a, const GemmOperand<T>& b, T* y) {
  if (batch == 0 || m == 0 || n == 0) return;
  if (k == 0) return gemm(ctx, batch * m, n, 0, a, b, 0, y, n);
  const Arithmetic<T> of(ctx);
  const float one = 1, none = 0;
  note_product(ctx, {batch, m, n, k}, a, b, y, n);
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
template void gemm(CudaContext&, int64_t, int64_t, int64_t, const GemmOperand<bf16_t>&,
                   const GemmOperand<bf16_t>&, float, float*, int64_t);
template bool gemm_bias(CudaContext&, int64_t, int64_t, int64_t, const GemmOperand<float>&,
                        const GemmOperand<float>&, const float*, float*, int64_t);
template bool gemm_bias(CudaContext&, int64_t, int64_t, int64_t, const GemmOperand<bf16_t>&,
                        const GemmOperand<bf16_t>&, const bf16_t*, bf16_t*, int64_t);
template void gemm_batched(CudaContext&, int64_t, int64_t, int64_t, int64_t,
                           const GemmOperand<float>&, const GemmOperand<float>&, float*);
template void gemm_batched(CudaContext&, int64_t, int64_t, int64_t, int64_t,
                           const GemmOperand<bf16_t>&, const GemmOperand<bf16_t>&, bf16_t*);

}  // namespace weft
