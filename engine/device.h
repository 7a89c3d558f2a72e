// Where a program computes, the CPU or a GPU; and what time, waiting and memory are
// there. On a GPU work is only queued when an op returns: results are fetched later, a step's
// kernels can be recorded and started as one, and time is that of the stream. The parts of each
// backend are in engine/cpu/device.cpp and engine/cuda/device.cu (device_parts.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/backend.h"
#include "engine/device_kind.h"

namespace weft {

class Device {
 public:
  /// `threads`: the CPU's; 0: one per core. Throws DeviceError where the machine has no usable GPU, or
  /// its CPU not the math; ConfigError where this build has no CUDA backend.
  explicit Device(DeviceKind kind, int threads = 0, MatrixMath math = MatrixMath::f32);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  AnyContext context() const { return context_; }
  /// "NVIDIA H200, driver 13.0" or "cpu, 2 threads".
  std::string describe() const;

 private:
  CpuContext cpu_;
  std::shared_ptr<void> gpu_;  ///< owns its context; null: cpu_ computes
  AnyContext context_;
};

/// Throws as Device does where it could not be made; costs no context.
void require_device(DeviceKind kind);
/// Why there is no GPU to compute on: "this build has no CUDA backend", "no CUDA device (..)". "":
/// there is one.
std::string why_no_cuda();
/// Why this CPU has no MatrixMath::bf16. "": it has.
const std::string& why_no_bf16();
/// How many GPUs CUDA shows to this process, as CUDA_VISIBLE_DEVICES lets it; costs no context.
int cuda_cards();
/// One line for `weft doctor`: the GPU that is there, or why there is none.
std::string describe_cuda();

/// A small device tensor's values on the host: at once on the CPU; on a GPU they are there after
/// the next synchronize().
Tensor fetch_later(const AnyContext& context, const Tensor& t);
void synchronize(const AnyContext& context);

// The host's work between the device's, without a wait: numbers come over, `work` makes others of
// them, those go back.
/// Host memory, uninitialised, that copy_in_order() can reach.
Tensor host_room(const AnyContext& context, const Shape& shape, DType dtype);
/// Queued like a kernel: `from` is read and `to` written when the device has come this far; both have
/// to live until then. A host tensor among them is host_room()'s.
void copy_in_order(const AnyContext& context, const Tensor& to, const Tensor& from);
/// `work` runs on the host when the device has come this far; at once on a CPU. It asks nothing of a
/// device, and nobody else touches what it does until the next synchronize(). It is kept, with all
/// that it holds, until the copies behind it are done. What it throws, synchronize() throws.
void call_in_order(const AnyContext& context, std::function<void()> work);
// A second order, of copies and calls alone, beside kernels that do not need them.
/// What is queued beside from now on finds all that was queued so far.
void fork_beside(const AnyContext& context);
/// The copy_in_order() and call_in_order() of `queue` run one after the other beside what else is
/// queued: what they read and write is there before the fork, and has to live, touched by nobody else,
/// until join_beside().
void beside(const AnyContext& context, const std::function<void()>& queue);
/// What is queued from now on finds all that ran beside. Waiting and the end of a recording join, too.
void join_beside(const AnyContext& context);
/// Whether work is only queued when an op returns, so that reading a result waits.
bool is_asynchronous(const AnyContext& context);
/// How often the host has waited for the device so far.
int64_t waits(const AnyContext& context);
/// All the memory that the device has, in use or not: a GPU's own, else the machine's.
int64_t memory_bytes(const AnyContext& context);
/// How long `work` takes to its end on the device: by the clock on a CPU, by events on a GPU's
/// stream.
double milliseconds(const AnyContext& context, const std::function<void()>& work);

/// Work that asks for the same kernels every time: a GPU starts them as one (engine/cuda/graph.h,
/// which says what `work` must not do); a CPU just runs them.
class Repeated {
 public:
  explicit Repeated(const AnyContext& context);
  ~Repeated();
  Repeated(const Repeated&) = delete;
  Repeated& operator=(const Repeated&) = delete;
  void run(const std::function<void()>& work);
  /// How often the work was recorded anew so far; 0 on a CPU.
  int64_t built() const;

 private:
  std::unique_ptr<class LaunchRecorder> recorder_;  // null: nothing is recorded
};

}  // namespace weft
