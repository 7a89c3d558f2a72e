// CpuContext: the CPU backend's hands. for_chunks is the one place where threads start: it cuts
// 0 .. n-1 into chunks whose borders depend on n and `chunk` alone, so the same run gives the same
// bits on any number of threads. Sums over chunks are combined by engine/reduce_tree.h.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "engine/device_kind.h"
#include "engine/tensor.h"

namespace weft {

/// A borrowed callable void(int64_t begin, int64_t end): no allocation, one indirect call.
class ChunkFn {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, ChunkFn>>>
  ChunkFn(F&& f)  // NOLINT: borrows implicitly, as a lambda argument
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, int64_t begin, int64_t end) {
          (*static_cast<std::remove_reference_t<F>*>(object))(begin, end);
        }) {}
  void operator()(int64_t begin, int64_t end) const { call_(object_, begin, end); }

 private:
  void* object_;
  void (*call_)(void*, int64_t, int64_t);
};

class CpuContext {
 public:
  /// threads = 0: one per physical core. math: f32, or bf16 for products of f32 by this processor's
  /// tiles (engine/cpu/gemm_bf16.h); DeviceError where it has none.
  explicit CpuContext(int threads = 0, MatrixMath math = MatrixMath::f32);

  static constexpr const char* name() { return "cpu"; }
  template <class T>
  static constexpr bool supports = std::is_same_v<T, float> || std::is_same_v<T, double>;

  int threads() const { return threads_; }
  MatrixMath math() const { return math_; }
  CachingAllocator& memory() const { return host_memory(); }

  /// Calls f(begin, end) for every chunk of `chunk` indices of 0 .. n-1, in parallel; chunks
  /// must not write the same element. What f throws is thrown here, when all have ended.
  void for_chunks(int64_t n, int64_t chunk, ChunkFn f);

  void fill(const Tensor& t, double value);
  void copy(const Tensor& to, const Tensor& from);
  /// The host's own bytes are where the CPU computes.
  Tensor upload(const Tensor& host) { return host; }
  /// to += factor from, both of one float dtype.
  void accumulate(const Tensor& to, const Tensor& from, double factor = 1);
  bool all_finite(const Tensor& t);

 private:
  int threads_;
  MatrixMath math_;
};

/// Elements per chunk of a pointwise loop: large enough to hide a thread's start.
inline constexpr int64_t pointwise_chunk = 1 << 14;

int physical_cores();

}  // namespace weft
