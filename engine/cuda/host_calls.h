// HostCalls: the host's work between two kernels, which CUDA calls from a thread of its own when the
// stream has come that far. A call, and the memory that it holds, is freed by the thread that asked for
// it, once a later one has run: copies that came behind it are done by then. Those of a recording
// that is given up never run, and are dropped.
#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <deque>
#include <exception>
#include <functional>
#include <utility>

#include "engine/cuda/check.h"

namespace weft {

class HostCalls {
 public:
  void queue(cudaStream_t stream, std::function<void()> work) {
    free_done();
    WEFT_CUDA(cudaLaunchHostFunc(stream, &Call::run, &calls_.emplace_back(std::move(work))));
  }
  /// How a launch of one is told from a kernel's.
  static uint64_t kind() { return reinterpret_cast<uint64_t>(&Call::run); }

  void begin_recording() {
    free_done();
    recording_ = true;
    before_ = calls_.size();
  }
  void end_recording() { recording_ = false; }
  void forget_recorded() {
    while (calls_.size() > before_) calls_.pop_back();
  }
  /// Once the stream is empty; the first of what they have thrown, or null.
  std::exception_ptr free_all() {
    while (!calls_.empty()) free_first();
    return std::exchange(failure_, nullptr);
  }

 private:
  struct Call {
    explicit Call(std::function<void()> w) : work(std::move(w)) {}
    std::function<void()> work;
    std::exception_ptr failure{};
    std::atomic<bool> done{false};

    static void CUDART_CB run(void* call) {
      auto& self = *static_cast<Call*>(call);
      try {
        self.work();
      } catch (...) {
        self.failure = std::current_exception();
      }
      self.done = true;
    }
  };
  void free_done() {
    while (!recording_ && calls_.size() > 1 && calls_[1].done) free_first();
  }
  void free_first() {
    if (failure_ == nullptr) failure_ = calls_.front().failure;
    calls_.pop_front();
  }

  std::deque<Call> calls_;
  std::exception_ptr failure_;
  bool recording_ = false;
  size_t before_ = 0;  ///< calls that the recording found
};

}  // namespace weft
