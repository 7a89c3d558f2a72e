// Where a run computes: the context behind the run file's words `device` and `precision`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/backend.h"
#include "train/run_file/run_file.h"

namespace weft {

class Device {
 public:
  /// `threads`: the CPU's; 0: one per core. Throws DeviceError where the machine has no usable GPU,
  /// ConfigError where this build has no CUDA backend.
  Device(const std::string& name, int threads, Precision precision = Precision::f32);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  AnyContext context() const { return context_; }
  /// "NVIDIA H200, driver 13.0" or "cpu, 2 threads".
  std::string describe() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  AnyContext context_;
};

/// Throws as Device does where it could not be made; costs no context.
void require_device(const std::string& name);
/// One line for `weft info`: the GPU that is there, or why there is none.
std::string describe_cuda();

/// A small device tensor's values on the host: at once on the CPU; on a GPU they are there after
/// the next synchronize().
Tensor fetch_later(const AnyContext& context, const Tensor& t);
void synchronize(const AnyContext& context);
/// Whether work is only queued when an op returns, so that reading a result waits.
bool is_asynchronous(const AnyContext& context);
/// Work that asks for the same kernels every time: a GPU starts them as one (engine/cuda/graph.h,
/// which says what `work` must not do); a CPU just runs them.
class Repeated {
 public:
  explicit Repeated(const AnyContext& context);
  ~Repeated();
  Repeated(const Repeated&) = delete;
  Repeated& operator=(const Repeated&) = delete;
  void run(const std::function<void()>& work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;  // null on a CPU
};
/// All the memory that the device has, in use or not: a GPU's own, else the machine's.
int64_t memory_bytes(const AnyContext& context);
/// How long `work` takes to its end on the device: by the clock on a CPU, by events on a GPU's
/// stream.
double milliseconds(const AnyContext& context, const std::function<void()>& work);

}  // namespace weft
