// Beside: a branch for copies and calls of the host that kernels need not wait for. It forks from the
// main stream, which records it as a branch of its graph, and joins it again.
#pragma once

#include <functional>
#include <utility>

#include "engine/cuda/host_calls.h"
#include "engine/cuda/stream.h"

namespace weft {

class Beside {
 public:
  HostCalls calls;

  cudaStream_t stream() const { return branch_.stream(); }
  void fork(cudaStream_t main) {
    branch_.fork(main);
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
  cudaError_t join(cudaStream_t main) {
    return std::exchange(parted_, false) ? branch_.join(main) : cudaSuccess;
  }

 private:
  CudaBranch branch_;
  bool queues_ = false;  ///< within run()
  bool parted_ = false;  ///< something may run here that nobody has joined
};

}  // namespace weft
