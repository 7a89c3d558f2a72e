// CudaContext: the GPU backend's hands. One compute stream, on which everything runs in the order
// in which it was asked for, so same GPU and toolkit give the same bits; one copy stream, which
// brings batches over from pinned memory while the step before still computes; one stream for what
// the host has to learn beside kernels that do not need it (fork_beside); one cuBLAS handle
// with a workspace of its own; memory from a caching allocator over cudaMalloc. Nothing here waits
// for the device but copy() to the host, all_finite() and synchronize(); what the host has to do
// between two kernels it does in the stream (call_in_order).
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <type_traits>

#include "engine/device_kind.h"
#include "engine/error.h"
#include "engine/tensor.h"

// CUDA's own names for its handles, so that no CUDA header is needed to hold a context.
struct CUgraph_st;
struct CUstream_st;
struct cublasContext;

namespace weft {

/// Waiting for work that is being recorded, and so does not run.
class RecordingError : public Error {
 public:
  using Error::Error;
};

/// What a card is and what it can hold, for `weft doctor` and reports.
struct CudaDevice {
  std::string name;
  int major = 0, minor = 0, multiprocessors = 0;
  size_t bytes = 0, free_bytes = 0;
  std::string driver, runtime;  ///< versions, "13.0"
};

class CudaContext {
 public:
  /// The first visible GPU. Throws DeviceError where there is none or its driver is too old.
  explicit CudaContext(MatrixMath math = MatrixMath::f32);
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  static constexpr const char* name() { return "cuda"; }
  template <class T>
  static constexpr bool supports = std::is_same_v<T, float> || std::is_same_v<T, bf16_t>;
  /// Whether a context can be made here; `why`, where given, becomes the reason if not.
  static bool available(std::string* why = nullptr);
  CudaDevice device() const;

  CachingAllocator& memory() const;
  MatrixMath math() const { return math_; }
  CUstream_st* stream() const;
  cublasContext* cublas() const;

  void fill(const Tensor& t, double value);
  /// Between host and device in either direction, or within; one to the host waits for its end.
  void copy(const Tensor& to, const Tensor& from);
  /// to += factor from, both of one float dtype.
  void accumulate(const Tensor& to, const Tensor& from, double factor = 1);
  bool all_finite(const Tensor& t);

  /// A host tensor's bytes on the device (a tensor that is there comes back as it is), through
  /// pinned memory and the copy stream: the bytes are
  /// taken before this returns, and what the compute stream is given from now on finds them there.
  Tensor upload(const Tensor& host);
  /// Starts to bring `device` to the host, and returns at once; the tensor may be read after
  /// synchronize(). Its memory is pinned, and a small one: for losses and other scalars.
  Tensor download_later(const Tensor& device);
  /// Throws the first of what call_in_order()'s work has thrown.
  void synchronize();
  // As in engine/device.h; host_room() is pinned.
  Tensor host_room(const Shape& shape, DType dtype);
  void copy_in_order(const Tensor& to, const Tensor& from);
  void call_in_order(std::function<void()> work);
  void fork_beside();
  void beside(const std::function<void()>& queue);
  void join_beside();
  /// Until end_recording() launches become nodes of a graph and run only when that is launched
  /// (engine/cuda/graph.h). Waiting meanwhile is a RecordingError.
  void begin_recording();
  /// The graph, which the caller destroys; null where recording had been broken off.
  CUgraph_st* end_recording();
  /// What was recorded last will never be launched.
  void forget_recorded_calls();
  /// Says what decides which kernel a launch takes, beside its arguments: the kernel itself, or the
  /// sizes of a product whose kernel cuBLAS chooses.
  void note_kernel(std::initializer_list<uint64_t> what) {
    for (const uint64_t word : what)
      kernels_ = (std::rotl(kernels_, 5) ^ word) * 0x9E3779B97F4A7C15;
  }
  /// All of that since begin_recording() as one number: two recordings of equal numbers hold the same
  /// kernels in the same order.
  uint64_t recorded_kernels() const { return kernels_; }
  /// Lets the compute stream wait for what was uploaded while recording.
  void await_uploads();
  /// How often the host has waited for the device so far: training steps in steady state do not.
  int64_t waits() const { return waits_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  MatrixMath math_;
  int64_t waits_ = 0;
  uint64_t kernels_ = 0;
};

/// Time on the compute stream between two places, in milliseconds.
class CudaTimer {
 public:
  explicit CudaTimer(CudaContext& ctx);
  ~CudaTimer();
  CudaTimer(const CudaTimer&) = delete;
  CudaTimer& operator=(const CudaTimer&) = delete;
  void start();
  /// Waits for the work that was given since start().
  double stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
