// Every call to CUDA and cuBLAS goes through check(): a failure becomes a CudaError that names the
// call and what the driver said. Kernels are asynchronous, so a fault inside one surfaces at a
// later call; launch() (launch.cuh) names the kernel where the launch itself is refused.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "engine/error.h"

namespace weft {

inline void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  throw CudaError(
      fmt::format("{}: {} ({})", call, cudaGetErrorString(status), cudaGetErrorName(status)));
}

inline void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw CudaError(fmt::format("{}: {}", call, cublasGetStatusString(status)));
}

}  // namespace weft

#define WEFT_CUDA(call) ::weft::check((call), #call)
