// The CPU as a device: results are there at once, and nothing is recorded.
#include <chrono>

#include "engine/device_parts.h"
#include "engine/machine_memory.h"

namespace weft::device_parts {

std::string describe(CpuContext& ctx) { return fmt::format("cpu, {} threads", ctx.threads()); }
Tensor fetch_later(CpuContext&, const Tensor& t) { return t; }
void synchronize(CpuContext&) {}
Tensor host_room(CpuContext&, const Shape& shape, DType dtype) {
  return Tensor::empty(shape, dtype);
}
void copy_in_order(CpuContext& ctx, const Tensor& to, const Tensor& from) { ctx.copy(to, from); }
void call_in_order(CpuContext&, std::function<void()> work) { work(); }
void fork_beside(CpuContext&) {}
void beside(CpuContext&, const std::function<void()>& queue) { queue(); }
void join_beside(CpuContext&) {}
bool is_asynchronous(CpuContext&) { return false; }
int64_t waits(CpuContext&) { return 0; }
int64_t memory_bytes(CpuContext&) { return machine_bytes(); }

double milliseconds(CpuContext&, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

std::unique_ptr<LaunchRecorder> make_recorder(CpuContext&) { return nullptr; }

}  // namespace weft::device_parts
