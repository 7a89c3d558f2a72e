// Device: one visit of the context each.
#include "engine/device.h"

#include "engine/cpu/gemm_bf16.h"
#include "engine/device_parts.h"

namespace weft {

Device::Device(DeviceKind kind, int threads, MatrixMath math)
    : cpu_(threads, kind == DeviceKind::cpu ? math : MatrixMath::f32), context_(&cpu_) {
  if (kind == DeviceKind::cpu) return;
  device_parts::Owned gpu = device_parts::make_cuda(math);
  gpu_ = std::move(gpu.owner);
  context_ = gpu.context;
}

std::string Device::describe() const {
  return std::visit([](auto* ctx) { return device_parts::describe(*ctx); }, context_);
}

void require_device(DeviceKind kind) {
  if (kind != DeviceKind::cpu) device_parts::require_cuda();
}

const std::string& why_no_bf16() { return gemm_bf16::why_not(); }

Tensor fetch_later(const AnyContext& context, const Tensor& t) {
  return std::visit([&](auto* ctx) { return device_parts::fetch_later(*ctx, t); }, context);
}

void synchronize(const AnyContext& context) {
  std::visit([](auto* ctx) { device_parts::synchronize(*ctx); }, context);
}

Tensor host_room(const AnyContext& context, const Shape& shape, DType dtype) {
  return std::visit([&](auto* ctx) { return device_parts::host_room(*ctx, shape, dtype); },
                    context);
}

void copy_in_order(const AnyContext& context, const Tensor& to, const Tensor& from) {
  std::visit([&](auto* ctx) { device_parts::copy_in_order(*ctx, to, from); }, context);
}

void call_in_order(const AnyContext& context, std::function<void()> work) {
  std::visit([&](auto* ctx) { device_parts::call_in_order(*ctx, std::move(work)); }, context);
}

void fork_beside(const AnyContext& context) {
  std::visit([](auto* ctx) { device_parts::fork_beside(*ctx); }, context);
}

void beside(const AnyContext& context, const std::function<void()>& queue) {
  std::visit([&](auto* ctx) { device_parts::beside(*ctx, queue); }, context);
}

void join_beside(const AnyContext& context) {
  std::visit([](auto* ctx) { device_parts::join_beside(*ctx); }, context);
}

bool is_asynchronous(const AnyContext& context) {
  return std::visit([](auto* ctx) { return device_parts::is_asynchronous(*ctx); }, context);
}

int64_t waits(const AnyContext& context) {
  return std::visit([](auto* ctx) { return device_parts::waits(*ctx); }, context);
}

int64_t memory_bytes(const AnyContext& context) {
  return std::visit([](auto* ctx) { return device_parts::memory_bytes(*ctx); }, context);
}

double milliseconds(const AnyContext& context, const std::function<void()>& work) {
  return std::visit([&](auto* ctx) { return device_parts::milliseconds(*ctx, work); }, context);
}

Repeated::Repeated(const AnyContext& context)
    : recorder_(std::visit([](auto* ctx) { return device_parts::make_recorder(*ctx); }, context)) {}
Repeated::~Repeated() = default;

void Repeated::run(const std::function<void()>& work) {
  if (recorder_ == nullptr) return work();
  recorder_->run(work);
}

int64_t Repeated::built() const { return recorder_ == nullptr ? 0 : recorder_->built(); }

}  // namespace weft
