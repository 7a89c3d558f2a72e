// CUDA's streams and events, freed with their owner. Destructors run while errors may be on their way
// already: their calls are not checked.
#pragma once

#include <cuda_runtime.h>

#include "engine/cuda/check.h"

namespace weft {

struct CudaStream {
  cudaStream_t handle = nullptr;
  CudaStream() { WEFT_CUDA(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking)); }
  ~CudaStream() { cudaStreamDestroy(handle); }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
};

struct CudaEvent {
  cudaEvent_t handle = nullptr;
  explicit CudaEvent(unsigned flags = cudaEventDisableTiming) {
    WEFT_CUDA(cudaEventCreateWithFlags(&handle, flags));
  }
  ~CudaEvent() { cudaEventDestroy(handle); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  bool passed() const { return cudaEventQuery(handle) == cudaSuccess; }
};

}  // namespace weft
