// CachingAllocator: reuse, counters, the cap, guards and poison; on an allocator of its own.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "engine/allocator.h"
#include "engine/error.h"
#include "engine/tensor.h"
#include "tests/support/catch.h"

namespace weft {
namespace {

size_t system_limit = SIZE_MAX;  // what the pretended system has per block

const RawMemory memory_of_test = {
    "test",
    true,
    [](size_t bytes) { return bytes > system_limit ? nullptr : std::malloc(bytes); },
    [](void* block) { std::free(block); },
    [](void* block, int byte, size_t bytes) { std::memset(block, byte, bytes); },
    [](void* to, const void* block, size_t bytes) { std::memcpy(to, block, bytes); }};

}  // namespace

TEST_CASE("allocator: size classes lose at most an eighth", "[engine]") {
  for (size_t bytes : {size_t{1}, size_t{512}, size_t{513}, size_t{1000}, size_t{123456789}}) {
    const size_t block = CachingAllocator::size_class(bytes);
    CHECK(block >= bytes);
    CHECK(CachingAllocator::size_class(block) == block);
    if (bytes > 512) CHECK(static_cast<double>(block) <= 1.125 * static_cast<double>(bytes));
  }
}

TEST_CASE("allocator: a step in its steady state asks the system for nothing", "[engine]") {
  CachingAllocator memory(memory_of_test);
  const auto step = [&] {
    const auto a = memory.allocate(10000), b = memory.allocate(300000);
    return memory.allocate(10000)->data() != a->data();
  };
  CHECK(step());
  const int64_t calls = memory.counters().system_calls;
  for (int i = 0; i < 5; ++i) step();
  CHECK(memory.counters().system_calls == calls);
  CHECK(memory.counters().live_bytes == 0);
  CHECK(memory.counters().cached_bytes == memory.counters().peak_bytes);
  memory.trim();
  CHECK(memory.counters().cached_bytes == 0);
  memory.reset_peak();
  CHECK(memory.counters().peak_bytes == 0);
}

TEST_CASE("allocator: the cap and an exhausted system say what to do", "[engine]") {
  CachingAllocator memory(memory_of_test);
  memory.set_cap(1 << 20);
  const auto half = memory.allocate(1 << 19);
  CHECK_THROWS_AS(memory.allocate((1 << 19) + 1), MemoryError);
  CHECK_THROWS_WITH(memory.allocate(1 << 20),
                    "test memory: 1.0 MiB asked for, 0.5 in use, cap 1.0 MiB; lower data.batch or "
                    "data.size, or raise the cap");
  CHECK_NOTHROW(memory.allocate(1 << 19));
  memory.set_cap(0);
  system_limit = 1 << 20;
  CHECK_THROWS_WITH(memory.allocate(1 << 21),
                    Catch::Matchers::StartsWith("test memory is exhausted: 2.0 MiB asked for"));
  system_limit = SIZE_MAX;
  CHECK_NOTHROW(memory.allocate(1 << 21));
}

TEST_CASE("allocator: what is held does not go back to the system", "[engine]") {
  CachingAllocator memory(memory_of_test);
  memory.allocate(1 << 19);
  memory.hold(true);
  memory.trim();
  system_limit = 1 << 20;
  CHECK_THROWS_AS(memory.allocate(1 << 21), MemoryError);
  CHECK(memory.counters().cached_bytes == 1 << 19);
  memory.hold(false);
  CHECK_THROWS_AS(memory.allocate(1 << 21), MemoryError);  // nor is it enough
  CHECK(memory.counters().cached_bytes == 0);
  system_limit = SIZE_MAX;
}

TEST_CASE("allocator: guards see a write past the end, poison an unwritten element", "[engine]") {
  CachingAllocator memory(memory_of_test);
  memory.set_guards(true);
  memory.set_poison(true);
  for (int64_t at : {-1, 0, 2, 3}) {
    const int64_t before = memory.counters().guard_breaks;
    {
      const Tensor t = Tensor::empty({3}, DType::f32, memory);
      for (double v : t.to_vector()) CHECK(std::isnan(v));
      t.data<float>()[at] = 1;
    }
    CHECK(memory.counters().guard_breaks - before == (at < 0 || at >= 3));
  }
  const auto kept = memory.allocate(8);  // allocated with guards, released without
  memory.set_guards(false);
  CHECK(memory.allocate(8)->bytes() == 8);
}

TEST_CASE("allocator: tensors on the host are aligned to 64 bytes", "[engine]") {
  for (int64_t n : {1, 3, 1000, 100003})
    CHECK(reinterpret_cast<uintptr_t>(Tensor::empty({n}, DType::f32).raw()) % 64 == 0);
}

}  // namespace weft
