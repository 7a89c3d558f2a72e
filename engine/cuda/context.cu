// CudaContext: streams, memory, the few kernels that the tape itself needs, and the way batches
// take.
#include "engine/cuda/context.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "engine/card_ranks.h"
#include "engine/cuda/beside.h"
#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/error.h"
#include "engine/ranks.h"

namespace weft {
namespace {

constexpr size_t cublas_workspace_bytes = size_t{32} << 20;

/// For tests (poison, guards): between everything that was given before and after.
void fill_device(void* block, int byte, size_t bytes) {
  WEFT_CUDA(cudaDeviceSynchronize());
  WEFT_CUDA(cudaMemset(block, byte, bytes));
  WEFT_CUDA(cudaDeviceSynchronize());
}

void read_device(void* to, const void* block, size_t bytes) {
  WEFT_CUDA(cudaDeviceSynchronize());
  WEFT_CUDA(cudaMemcpy(to, block, bytes, cudaMemcpyDeviceToHost));
}

void* allocate_device(size_t bytes) {
  void* block = nullptr;
  if (cudaMalloc(&block, bytes) == cudaSuccess) return block;
  cudaGetLastError();  // out of memory is the allocator's to report
  return nullptr;
}

void* allocate_pinned(size_t bytes) {
  void* block = nullptr;
  if (cudaMallocHost(&block, bytes) == cudaSuccess) return block;
  cudaGetLastError();
  return nullptr;
}

// Destructors run while errors may be on their way already: their calls are not checked.
RawMemory device_memory(const char* name) {
  return {name,        false,      allocate_device, [](void* block) { cudaFree(block); },
          fill_device, read_device};
}

RawMemory pinned_memory() {
  return {"pinned host",
          true,
          allocate_pinned,
          [](void* block) { cudaFreeHost(block); },
          [](void* block, int byte, size_t bytes) { std::memset(block, byte, bytes); },
          [](void* to, const void* block, size_t bytes) { std::memcpy(to, block, bytes); }};
}

/// A scalar on its way to the host: its pinned bytes are not given to others before they are there,
/// whoever has let go of the tensor meanwhile.
struct Download {
  Tensor pinned;
  CudaEvent copied;
};

/// A batch's tensor under way: the pinned bytes are free once copied, the device's once every
/// kernel that was given them has run, which an event says after the last user let go.
struct Upload {
  Tensor pinned, device;
  CudaEvent copied, used;
  bool released = false;
};

template <class T>
void fill_elements(CudaContext& ctx, const Tensor& t, T value) {
  T* to = t.data<T>();
  for_each(ctx, "fill", t.numel(), [=] __device__(int64_t i) { to[i] = value; });
}

template <class T>
void add_elements(CudaContext& ctx, const Tensor& to, const Tensor& from, float by) {
  T* out = to.data<T>();
  const T* in = from.data<const T>();
  const int64_t n = to.numel();
  if (!fits_vec(out, n) || !is_aligned(in))
    return for_each(ctx, "accumulate", n, [=] __device__(int64_t i) {
      store(out + i, load(out + i) + by * load(in + i));
    });
  for_each(ctx, "accumulate", n / Vec<T>::size, [=] __device__(int64_t i) {
    Vec<T> sum = reinterpret_cast<Vec<T>*>(out)[i];
    const Vec<T> term = reinterpret_cast<const Vec<T>*>(in)[i];
    for (int j = 0; j < Vec<T>::size; ++j)
      store(sum.at + j, load(sum.at + j) + by * load(term.at + j));
    reinterpret_cast<Vec<T>*>(out)[i] = sum;
  });
}

/// flag = 0 where any element is NaN or infinite.
template <class T>
void find_infinite(CudaContext& ctx, const Tensor& t, const Tensor& flag) {
  const T* in = t.data<const T>();
  auto* finite = flag.data<int32_t>();
  for_each(ctx, "all_finite", t.numel(), [=] __device__(int64_t i) {
    if (!isfinite(load(in + i))) *finite = 0;
  });
}

/// Until query() is no longer cudaErrorNotReady, where ranks' cards wait for each other: they are
/// watched meanwhile.
template <class Query>
void watch_ranks(const char* call, Query query) {
  CardRanks* const cards = current_ranks().cards();
  if (cards == nullptr) return;
  cards->wait([&] {
    const cudaError_t status = query();
    if (status != cudaErrorNotReady) check(status, call);
    return status == cudaSuccess;
  });
}

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace

struct CudaContext::Impl {
  CachingAllocator memory{device_memory("CUDA")}, upload_memory{device_memory("CUDA upload")};
  CachingAllocator pinned{pinned_memory()};
  CudaStream compute, copy;
  Beside beside;
  cublasHandle_t cublas = nullptr;
  std::shared_ptr<Buffer> workspace;
  std::deque<Upload> uploads;
  std::deque<Download> downloads;
  HostCalls calls;
  bool recording = false;
  std::vector<cudaEvent_t> awaited;  ///< by the graph that is being recorded

  Impl() {
    WEFT_CUDA(cublasCreate(&cublas));
    workspace = memory.allocate(cublas_workspace_bytes);
    WEFT_CUDA(cublasSetStream(cublas, compute.handle));
    WEFT_CUDA(cublasSetWorkspace(cublas, workspace->data(), cublas_workspace_bytes));
    // Sums of bf16 products stay f32 where k is divided, too.
    WEFT_CUDA(cublasSetMathMode(
        cublas, static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH |
                                          CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)));
  }
  ~Impl() {
    for (cudaStream_t each : {copy.handle, beside.stream(), compute.handle})
      cudaStreamSynchronize(each);
    cublasDestroy(cublas);
  }
  /// Where copy_in_order() and call_in_order() queue.
  cudaStream_t ordered() const { return beside.queues() ? beside.stream() : compute.handle; }
  /// Uploads whose every use has run give their memory back.
  void collect() {
    if (recording) return;  // the uses have not even been launched
    for (Upload& u : uploads)
      if (!u.released && u.device.unique()) {
        WEFT_CUDA(cudaEventRecord(u.used.handle, compute.handle));
        u.released = true;
      }
    while (!uploads.empty() && uploads.front().released && uploads.front().copied.passed() &&
           uploads.front().used.passed())
      uploads.pop_front();
  }
  /// Freed blocks go to later nodes of the graph, but not to the system before it has run.
  void set_recording(bool on) {
    recording = on;
    for (CachingAllocator* each : {&memory, &upload_memory, &pinned}) each->hold(on);
  }
};

bool CudaContext::available(std::string* why) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return true;
  cudaGetLastError();
  if (why != nullptr)
    *why = status == cudaErrorInsufficientDriver
               ? fmt::format("the NVIDIA driver is missing, or older than CUDA {} needs",
                             version_text(CUDART_VERSION))
               : fmt::format("no CUDA device ({})", cudaGetErrorString(status));
  return false;
}

CudaContext::CudaContext(MatrixMath math) : math_(math) {
  std::string why;
  if (!available(&why))
    throw DeviceError(fmt::format("device cuda: {}; run with --device cpu", why));
  WEFT_CUDA(cudaSetDevice(0));
  impl_ = std::make_unique<Impl>();
}

CudaContext::~CudaContext() = default;

CudaDevice CudaContext::device() const {
  cudaDeviceProp properties;
  WEFT_CUDA(cudaGetDeviceProperties(&properties, 0));
  CudaDevice out{properties.name, properties.major, properties.minor,
                 properties.multiProcessorCount};
  WEFT_CUDA(cudaMemGetInfo(&out.free_bytes, &out.bytes));
  int version = 0;
  WEFT_CUDA(cudaDriverGetVersion(&version));
  out.driver = version_text(version);
  WEFT_CUDA(cudaRuntimeGetVersion(&version));
  out.runtime = version_text(version);
  return out;
}

CachingAllocator& CudaContext::memory() const { return impl_->memory; }
CUstream_st* CudaContext::stream() const { return impl_->compute.handle; }
cublasContext* CudaContext::cublas() const { return impl_->cublas; }

void CudaContext::synchronize() {
  if (impl_->recording)
    throw RecordingError("cuda: waiting for work that is being recorded and does not run");
  ++waits_;
  join_beside();
  watch_ranks("cudaStreamQuery", [&] { return cudaStreamQuery(impl_->compute.handle); });
  WEFT_CUDA(cudaStreamSynchronize(impl_->compute.handle));
  std::exception_ptr failure = impl_->beside.calls.free_all();
  if (const auto other = impl_->calls.free_all(); failure == nullptr) failure = other;
  if (failure != nullptr) std::rethrow_exception(failure);
}

void CudaContext::begin_recording() {
  join_beside();
  impl_->collect();
  for (HostCalls* each : {&impl_->calls, &impl_->beside.calls}) each->begin_recording();
  impl_->awaited.clear();  // of a recording that ended in an error
  kernels_ = 0;
  // Relaxed: the allocators may ask the driver for memory meanwhile.
  WEFT_CUDA(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed));
  impl_->set_recording(true);
}

CUgraph_st* CudaContext::end_recording() {
  impl_->beside.join(stream());  // where that fails the recording has failed before
  impl_->set_recording(false);
  for (HostCalls* each : {&impl_->calls, &impl_->beside.calls}) each->end_recording();
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(stream(), &graph) == cudaSuccess) return graph;
  cudaGetLastError();
  return nullptr;
}

void CudaContext::forget_recorded_calls() {
  for (HostCalls* each : {&impl_->calls, &impl_->beside.calls}) each->forget_recorded();
}

void CudaContext::await_uploads() {
  for (cudaEvent_t copied : std::exchange(impl_->awaited, {}))
    WEFT_CUDA(cudaStreamWaitEvent(stream(), copied, 0));
}

void CudaContext::fill(const Tensor& t, double value) {
  t.changed();
  if (value == 0 && !std::signbit(value) && t.numel() > 0) {  // the same bytes in every type
    note_kernel({t.bytes()});
    WEFT_CUDA(cudaMemsetAsync(t.raw(), 0, t.bytes(), stream()));
    return;
  }
  switch (t.dtype()) {
    case DType::f32:
      return fill_elements(*this, t, static_cast<float>(value));
    case DType::f64:
      return fill_elements(*this, t, value);
    case DType::i32:
      return fill_elements(*this, t, static_cast<int32_t>(value));
    case DType::u8:
      return fill_elements(*this, t, static_cast<uint8_t>(value));
    case DType::bf16:
      // Rounded as store() does; fills are of numbers such as 0 and 1, which bf16 holds exactly.
      return fill_elements(
          *this, t,
          bf16_t{static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(value)) >> 16)});
  }
}

void CudaContext::copy(const Tensor& to, const Tensor& from) {
  if (to.dtype() != from.dtype() || to.numel() != from.numel())
    throw Error(fmt::format("copy: {} {} from {} {}", name_of(to.dtype()), to.shape(),
                            name_of(from.dtype()), from.shape()));
  if (to.numel() == 0) return;
  copy_in_order(to, from);
  // Pageable and pinned host memory alike may be read or changed once this has returned.
  if (to.on_host() || from.on_host()) synchronize();
}

void CudaContext::accumulate(const Tensor& to, const Tensor& from, double factor) {
  to.changed();
  const float by = static_cast<float>(factor);
  if (to.dtype() == DType::bf16)
    add_elements<bf16_t>(*this, to, from, by);
  else
    add_elements<float>(*this, to, from, by);
}

bool CudaContext::all_finite(const Tensor& t) {
  const Tensor flag = Tensor::empty({1}, DType::i32, memory());
  fill(flag, 1);
  if (t.dtype() == DType::bf16)
    find_infinite<bf16_t>(*this, t, flag);
  else if (t.dtype() == DType::f32)
    find_infinite<float>(*this, t, flag);
  const Tensor host = Tensor::empty({1}, DType::i32);
  copy(host, flag);
  return host.data<int32_t>()[0] != 0;
}

Tensor CudaContext::upload(const Tensor& host) {
  if (!host.on_host()) return host;  // it is here already
  impl_->collect();
  const Tensor device = Tensor::empty(host.shape(), host.dtype(), impl_->upload_memory);
  if (host.numel() == 0) return device;
  const Tensor pinned = Tensor::empty(host.shape(), host.dtype(), impl_->pinned);
  Upload& u = impl_->uploads.emplace_back();
  u.device = device;
  u.pinned = pinned;
  std::memcpy(u.pinned.raw(), host.raw(), host.bytes());
  const cudaStream_t copy = impl_->copy.handle;
  WEFT_CUDA(
      cudaMemcpyAsync(u.device.raw(), u.pinned.raw(), host.bytes(), cudaMemcpyHostToDevice, copy));
  WEFT_CUDA(cudaEventRecord(u.copied.handle, copy));
  if (impl_->recording)
    impl_->awaited.push_back(u.copied.handle);
  else
    WEFT_CUDA(cudaStreamWaitEvent(stream(), u.copied.handle, 0));
  return u.device;
}

Tensor CudaContext::download_later(const Tensor& device) {
  const Tensor host = host_room(device.shape(), device.dtype());
  auto& downloads = impl_->downloads;
  while (!impl_->recording && !downloads.empty() && downloads.front().copied.passed())
    downloads.pop_front();
  Download& d = downloads.emplace_back();
  d.pinned = host;
  copy_in_order(host, device);
  WEFT_CUDA(cudaEventRecord(d.copied.handle, impl_->compute.handle));
  return host;
}

Tensor CudaContext::host_room(const Shape& shape, DType dtype) {
  return Tensor::empty(shape, dtype, impl_->pinned);
}

void CudaContext::copy_in_order(const Tensor& to, const Tensor& from) {
  to.changed();
  note_kernel({to.bytes()});
  WEFT_CUDA(cudaMemcpyAsync(to.raw(), from.raw(), to.bytes(), cudaMemcpyDefault, impl_->ordered()));
}

void CudaContext::call_in_order(std::function<void()> work) {
  note_kernel({HostCalls::kind()});
  HostCalls& calls = impl_->beside.queues() ? impl_->beside.calls : impl_->calls;
  calls.queue(impl_->ordered(), std::move(work));
}

void CudaContext::fork_beside() { impl_->beside.fork(stream()); }
void CudaContext::beside(const std::function<void()>& queue) { impl_->beside.run(queue); }
void CudaContext::join_beside() { WEFT_CUDA(impl_->beside.join(stream())); }

struct CudaTimer::Impl {
  CudaContext& ctx;
  CudaEvent begin{cudaEventDefault}, end{cudaEventDefault};
};

CudaTimer::CudaTimer(CudaContext& ctx) : impl_(new Impl{ctx}) {}
CudaTimer::~CudaTimer() = default;

void CudaTimer::start() { WEFT_CUDA(cudaEventRecord(impl_->begin.handle, impl_->ctx.stream())); }

double CudaTimer::stop() {
  WEFT_CUDA(cudaEventRecord(impl_->end.handle, impl_->ctx.stream()));
  watch_ranks("cudaEventQuery", [&] { return cudaEventQuery(impl_->end.handle); });
  WEFT_CUDA(cudaEventSynchronize(impl_->end.handle));
  float ms = 0;
  WEFT_CUDA(cudaEventElapsedTime(&ms, impl_->begin.handle, impl_->end.handle));
  return static_cast<double>(ms);
}

}  // namespace weft
