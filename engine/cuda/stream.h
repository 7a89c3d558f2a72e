// CUDA's streams and events, freed with their owner, and a stream beside another. Destructors run while errors may be on their way
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

/// A stream that parts from another and joins it again; the other may be recording a graph.
class CudaBranch {
 public:
  cudaStream_t stream() const { return stream_.handle; }
  /// What is queued here from now on finds what `main` was given so far.
  void fork(cudaStream_t main) {
    WEFT_CUDA(cudaEventRecord(forked_.handle, main));
    WEFT_CUDA(cudaStreamWaitEvent(stream(), forked_.handle, 0));
  }
  /// `main` goes on when all that was queued here is done.
  cudaError_t join(cudaStream_t main) {
    const cudaError_t recorded = cudaEventRecord(joined_.handle, stream());
    return recorded != cudaSuccess ? recorded : cudaStreamWaitEvent(main, joined_.handle, 0);
  }

 private:
  CudaStream stream_;
  CudaEvent forked_, joined_;
};

}  // namespace weft
