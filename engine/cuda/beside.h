// Beside: a stream for copies and calls of the host that kernels need not wait for. It forks from the
// main stream, which records it as a branch of its graph, and joins it again.
#pragma once

#include <functional>
#include <utility>

#include "engine/cuda/host_calls.h"
#include "engine/cuda/stream.h"

namespace weft {

class Beside {
 public:
  CudaStream stream;
  HostCalls calls;

  /// What is queued here from now on finds what `main` was given so far.
  void fork(cudaStream_t main) {
    WEFT_CUDA(cudaEventRecord(forked_.handle, main));
    WEFT_CUDA(cudaStreamWaitEvent(stream.handle, forked_.handle, 0));
    parted_ = true;
  }
  /// While `queue` runs, what is ordered is ordered here.
  void run(const std::function<void()>& queue) {
    struct Within {
      bool& flag;
      explicit Within(bool& f) : flag(f) { flag = true; }
      ~Within() { flag = false; }
    } const within(queues_);
    parted_ = true;  // a wait since the fork has joined what was there then
    queue();
  }
  bool queues() const { return queues_; }
  /// `main` goes on when all that was queued here is done.
  cudaError_t join(cudaStream_t main) {
    if (!std::exchange(parted_, false)) return cudaSuccess;
    const cudaError_t recorded = cudaEventRecord(joined_.handle, stream.handle);
    return recorded != cudaSuccess ? recorded : cudaStreamWaitEvent(main, joined_.handle, 0);
  }

 private:
  CudaEvent forked_, joined_;
  bool queues_ = false;  ///< within run()
  bool parted_ = false;  ///< something may run here that nobody has joined
};

}  // namespace weft
