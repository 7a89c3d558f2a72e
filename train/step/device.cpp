// Device: the one place that makes contexts from words.
#include "train/step/device.h"

#include <chrono>

#include "engine/machine_memory.h"

#ifdef WEFT_WITH_CUDA
#include "engine/cuda/graph.h"
#endif

namespace weft {
namespace {

double milliseconds_by_clock(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

}  // namespace

#ifdef WEFT_WITH_CUDA

namespace {

double gib(size_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

}  // namespace

struct Device::Impl {
  CpuContext cpu;
  std::unique_ptr<CudaContext> cuda;
};

Device::Device(const std::string& name, int threads, Precision precision)
    : impl_(new Impl{CpuContext(threads), nullptr}), context_(&impl_->cpu) {
  if (name == "cpu") return;
  impl_->cuda = std::make_unique<CudaContext>(precision == Precision::tf32 ? MatrixMath::tf32
                                                                           : MatrixMath::f32);
  context_ = impl_->cuda.get();
}

void require_device(const std::string& name) {
  std::string why;
  if (name == "cuda" && !CudaContext::available(&why)) throw DeviceError("device cuda: " + why);
}

std::string describe_cuda() {
  std::string why;
  if (!CudaContext::available(&why)) return why;
  const CudaDevice d = CudaContext().device();
  return fmt::format("{}, compute {}.{}, {} multiprocessors, {:.0f} GiB, driver {}, runtime {}",
                     d.name, d.major, d.minor, d.multiprocessors, gib(d.bytes), d.driver,
                     d.runtime);
}

std::string Device::describe() const {
  if (impl_->cuda == nullptr) return fmt::format("cpu, {} threads", impl_->cpu.threads());
  const CudaDevice d = impl_->cuda->device();
  return fmt::format("{}, {:.0f} GiB, driver {}", d.name, gib(d.bytes), d.driver);
}

Tensor fetch_later(const AnyContext& context, const Tensor& t) {
  if (auto* const* cuda = std::get_if<CudaContext*>(&context)) return (*cuda)->download_later(t);
  return t;
}

void synchronize(const AnyContext& context) {
  if (auto* const* cuda = std::get_if<CudaContext*>(&context)) (*cuda)->synchronize();
}

bool is_asynchronous(const AnyContext& context) {
  return std::holds_alternative<CudaContext*>(context);
}

struct Repeated::Impl {
  CudaGraph graph;
  explicit Impl(CudaContext& ctx) : graph(ctx) {}
};

Repeated::Repeated(const AnyContext& context) {
  if (auto* const* cuda = std::get_if<CudaContext*>(&context))
    impl_ = std::make_unique<Impl>(**cuda);
}

void Repeated::run(const std::function<void()>& work) {
  if (impl_ == nullptr) return work();
  impl_->graph.run(work);
}

double milliseconds(const AnyContext& context, const std::function<void()>& work) {
  auto* const* cuda = std::get_if<CudaContext*>(&context);
  if (cuda == nullptr) return milliseconds_by_clock(work);
  CudaTimer timer(**cuda);
  timer.start();
  work();
  return timer.stop();
}

int64_t memory_bytes(const AnyContext& context) {
  if (auto* const* cuda = std::get_if<CudaContext*>(&context))
    return static_cast<int64_t>((*cuda)->device().bytes);
  return machine_bytes();
}

#else

struct Device::Impl {
  CpuContext cpu;
};

Device::Device(const std::string& name, int threads, Precision)
    : impl_(new Impl{CpuContext(threads)}), context_(&impl_->cpu) {
  require_device(name);
}

void require_device(const std::string& name) {
  if (name != "cpu")
    throw ConfigError(
        "device: this build computes on the CPU only; use device=cpu, or build where nvcc is "
        "found");
}

std::string describe_cuda() { return "not in this build (nvcc was not found)"; }

std::string Device::describe() const {
  return fmt::format("cpu, {} threads", impl_->cpu.threads());
}

Tensor fetch_later(const AnyContext&, const Tensor& t) { return t; }
void synchronize(const AnyContext&) {}
bool is_asynchronous(const AnyContext&) { return false; }
int64_t memory_bytes(const AnyContext&) { return machine_bytes(); }
struct Repeated::Impl {};
Repeated::Repeated(const AnyContext&) {}
void Repeated::run(const std::function<void()>& work) { work(); }
double milliseconds(const AnyContext&, const std::function<void()>& work) {
  return milliseconds_by_clock(work);
}

#endif

Device::~Device() = default;
Repeated::~Repeated() = default;

}  // namespace weft
