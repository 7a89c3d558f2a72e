// CpuContext: threads and the four things the tape itself needs (fill, copy, accumulate, finite).
#include "engine/cpu/context.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "engine/cpu/finite.h"
#include "engine/cpu/gemm_bf16.h"
#include "engine/error.h"

namespace weft {
int physical_cores() {
  std::ifstream info("/proc/cpuinfo");
  std::set<std::pair<int, int>> cores;
  std::string line;
  int package = 0;
  while (std::getline(info, line)) {
    const auto number = [&line] { return std::atoi(line.c_str() + line.find(':') + 1); };
    if (line.rfind("physical id", 0) == 0) package = number();
    if (line.rfind("core id", 0) == 0) cores.insert({package, number()});
  }
  const int online = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return cores.empty() ? online : std::min(online, static_cast<int>(cores.size()));
}

CpuContext::CpuContext(int threads, MatrixMath math)
    : threads_(threads > 0 ? threads : physical_cores()), math_(math) {
  if (math == MatrixMath::bf16 && !gemm_bf16::why_not().empty())
    throw DeviceError(
        fmt::format("no products of bf16 on this CPU: {}; compute in f32", gemm_bf16::why_not()));
}

void CpuContext::for_chunks(int64_t n, int64_t chunk, ChunkFn f) {
  if (n <= 0) return;
  const int64_t chunks = (n + chunk - 1) / chunk;
  if (chunks == 1 || threads_ == 1) {
    for (int64_t c = 0; c < chunks; ++c) f(c * chunk, std::min(n, (c + 1) * chunk));
    return;
  }
  // An exception must not leave the region: of several, the one that one thread would have met.
  std::exception_ptr error;
  int64_t failed = chunks;
#pragma omp parallel for schedule(static) num_threads(threads_)
  for (int64_t c = 0; c < chunks; ++c) {
    try {
      f(c * chunk, std::min(n, (c + 1) * chunk));
    } catch (...) {
#pragma omp critical(weft_for_chunks)
      if (c < failed) {
        failed = c;
        error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

void CpuContext::fill(const Tensor& t, double value) {
  t.changed();
  with_host_type(t.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* out = t.data<T>();
    for_chunks(t.numel(), pointwise_chunk, [&](int64_t begin, int64_t end) {
      std::fill(out + begin, out + end, static_cast<T>(value));
    });
  });
}

void CpuContext::copy(const Tensor& to, const Tensor& from) {
  if (to.dtype() != from.dtype() || to.numel() != from.numel())
    throw Error(fmt::format("copy: {} {} from {} {}", name_of(to.dtype()), to.shape(),
                            name_of(from.dtype()), from.shape()));
  to.changed();
  char* out = static_cast<char*>(to.raw());
  const char* in = static_cast<const char*>(from.raw());
  for_chunks(
      static_cast<int64_t>(to.bytes()), 4 * pointwise_chunk,
      [&](int64_t begin, int64_t end) { std::memcpy(out + begin, in + begin, end - begin); });
}

void CpuContext::accumulate(const Tensor& to, const Tensor& from, double factor) {
  // A sum of finite numbers may overflow, so it is looked at again, in the cache.
  const bool look = to.marked_finite() && from.marked_finite();
  std::atomic<bool> finite{look};
  to.changed();
  with_host_type(to.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* out = to.data<T>();
    const T* in = from.data<T>();
    const T by = static_cast<T>(factor);
    for_chunks(to.numel(), pointwise_chunk, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(out[i] + by * in[i]);
      if (look && !all_finite_in(out + begin, end - begin)) finite = false;
    });
  });
  if (finite) to.mark_finite();
}

bool CpuContext::all_finite(const Tensor& t) {
  std::atomic<bool> finite{true};
  with_host_type(t.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* in = t.data<T>();
    for_chunks(t.numel(), pointwise_chunk, [&](int64_t begin, int64_t end) {
      if (!all_finite_in(in + begin, end - begin)) finite = false;
    });
  });
  return finite;
}

}  // namespace weft
