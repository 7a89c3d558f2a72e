// CachingAllocator: free lists by size class over malloc or cudaMalloc. They lie in a pool that the
// buffers share, so that a tensor which outlives its context is an error where it is read, and
// nothing worse.
#include "engine/allocator.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "engine/error.h"

namespace weft {
namespace {

constexpr size_t alignment = 64;
constexpr size_t guard_bytes = 64;
constexpr int guard_value = 0xA5;
constexpr int poison_value = 0xFF;  // all ones: a NaN in f32, f64 and bf16

bool all_guard(const RawMemory& raw, const void* block) {
  std::array<unsigned char, guard_bytes> bytes;
  raw.read(bytes.data(), block, guard_bytes);
  return std::all_of(bytes.begin(), bytes.end(), [](unsigned char b) { return b == guard_value; });
}

double mib(size_t bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0); }

}  // namespace

class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  explicit MemoryPool(const RawMemory& raw) : raw_(raw) {}

  std::shared_ptr<Buffer> allocate(size_t bytes);
  /// The bytes and the size class of their block.
  std::pair<void*, size_t> take(size_t bytes);
  void release(void* data, size_t bytes, size_t block);
  /// The allocator is gone: what is released from now on goes to the system.
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    held_ = false;
    trim_locked();
  }
  bool closed() const { return closed_; }
  const RawMemory& raw() const { return raw_; }
  /// f(this) under the lock.
  template <class F>
  auto with_lock(F&& f) {
    std::lock_guard lock(mutex_);
    return f(*this);
  }
  void trim_locked();

  MemoryCounters counters_;
  size_t cap_ = 0;
  bool poison_ = false;
  bool guards_ = false;
  bool held_ = false;

 private:
  void give_back(void* data, size_t bytes, size_t block);

  RawMemory raw_;
  std::mutex mutex_;
  std::atomic<bool> closed_ = false;
  /// Blocks of one size class. `free` has room for all of them, so that giving one back needs no
  /// memory: a destructor does it.
  struct Blocks {
    std::vector<void*> free;
    size_t total = 0;
  };
  std::map<size_t, Blocks> blocks_;
  std::map<void*, void*> guarded_;  // data pointer -> start of its block
};

Buffer::~Buffer() { drop(); }

void Buffer::drop() {
  if (void* const data = std::exchange(data_, nullptr)) pool_->release(data, bytes_, block_);
}

void Buffer::restore() {
  if (dropped()) std::tie(data_, block_) = pool_->take(bytes_);
}

bool Buffer::on_host() const { return pool_->raw().on_host; }

void* Buffer::data() const {
  if (pool_->closed())
    throw Error(fmt::format(
        "a tensor in {} memory was used after its context had gone; keep the context as long as "
        "its tensors",
        pool_->raw().name));
  if (dropped())
    throw Error(
        "a value was read between Tape::recompute() and the pass back; take what you need "
        "of it before");
  return data_;
}

size_t CachingAllocator::size_class(size_t bytes) {
  bytes = std::max(bytes, size_t{512});
  const size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

std::shared_ptr<Buffer> MemoryPool::allocate(size_t bytes) {
  const auto [data, block] = take(bytes);
  try {
    return std::make_shared<Buffer>(shared_from_this(), data, bytes, block);
  } catch (...) {
    release(data, bytes, block);
    throw;
  }
}

std::pair<void*, size_t> MemoryPool::take(size_t bytes) {
  std::lock_guard lock(mutex_);
  const size_t padding = guards_ ? 2 * guard_bytes : 0;
  const size_t block = CachingAllocator::size_class(bytes + padding);
  if (cap_ != 0 && counters_.live_bytes + block > cap_)
    throw MemoryError(fmt::format(
        "{}{} memory: {:.1f} MiB asked for, {:.1f} in use, cap {:.1f} MiB; lower data.batch or "
        "data.size, or raise the cap",
        leave_op(), raw_.name, mib(bytes), mib(counters_.live_bytes), mib(cap_)));
  void* start = nullptr;
  Blocks& blocks = blocks_[block];
  if (!blocks.free.empty()) {
    start = blocks.free.back();
    blocks.free.pop_back();
    counters_.cached_bytes -= block;
  } else {
    ++counters_.system_calls;
    if (blocks.free.capacity() == blocks.total) blocks.free.reserve(2 * blocks.total + 8);
    start = raw_.allocate(block);
    if (start == nullptr) {  // perhaps the free lists hold it in other sizes
      trim_locked();
      start = raw_.allocate(block);
    }
    if (start == nullptr)
      throw MemoryError(fmt::format(
          "{}{} memory is exhausted: {:.1f} MiB asked for, {:.1f} MiB in use; lower data.batch or "
          "data.size",
          leave_op(), raw_.name, mib(bytes), mib(counters_.live_bytes)));
    ++blocks.total;
  }
  counters_.live_bytes += block;
  counters_.peak_bytes = std::max(counters_.peak_bytes, counters_.live_bytes);
  void* data = start;
  if (guards_) {
    data = static_cast<char*>(start) + guard_bytes;
    raw_.fill(start, guard_value, guard_bytes);
    raw_.fill(static_cast<char*>(data) + bytes, guard_value, guard_bytes);
    guarded_[data] = start;
  }
  if (poison_) raw_.fill(data, poison_value, bytes);
  return {data, block};
}

void MemoryPool::release(void* data, size_t bytes, size_t block) {
  std::lock_guard lock(mutex_);
  give_back(data, bytes, block);
}

void MemoryPool::give_back(void* data, size_t bytes, size_t block) {
  void* start = data;
  if (const auto it = guarded_.find(data); it != guarded_.end()) {
    start = it->second;
    if (!closed_ && (!all_guard(raw_, start) || !all_guard(raw_, static_cast<char*>(data) + bytes)))
      ++counters_.guard_breaks;
    guarded_.erase(it);
  }
  counters_.live_bytes -= block;
  if (closed_) return raw_.release(start);
  counters_.cached_bytes += block;
  blocks_[block].free.push_back(start);
}

void MemoryPool::trim_locked() {
  if (held_) return;
  for (auto& [block, blocks] : blocks_) {
    for (void* start : blocks.free) raw_.release(start);
    counters_.cached_bytes -= block * blocks.free.size();
    blocks.total -= blocks.free.size();
    blocks.free.clear();
  }
}

CachingAllocator::CachingAllocator(const RawMemory& raw)
    : pool_(std::make_shared<MemoryPool>(raw)) {}

CachingAllocator::~CachingAllocator() { pool_->close(); }

std::shared_ptr<Buffer> CachingAllocator::allocate(size_t bytes) { return pool_->allocate(bytes); }

bool CachingAllocator::on_host() const { return pool_->raw().on_host; }

MemoryCounters CachingAllocator::counters() const {
  return pool_->with_lock([](MemoryPool& pool) { return pool.counters_; });
}

void CachingAllocator::reset_peak() {
  pool_->with_lock([](MemoryPool& pool) { pool.counters_.peak_bytes = pool.counters_.live_bytes; });
}

void CachingAllocator::set_cap(size_t bytes) {
  pool_->with_lock([&](MemoryPool& pool) { pool.cap_ = bytes; });
}

void CachingAllocator::set_poison(bool on) {
  pool_->with_lock([&](MemoryPool& pool) { pool.poison_ = on; });
}

void CachingAllocator::set_guards(bool on) {
  pool_->with_lock([&](MemoryPool& pool) { pool.guards_ = on; });
}

void CachingAllocator::hold(bool on) {
  pool_->with_lock([&](MemoryPool& pool) { pool.held_ = on; });
}

void CachingAllocator::trim() {
  pool_->with_lock([](MemoryPool& pool) { pool.trim_locked(); });
}

CachingAllocator& host_memory() {
  // Never destroyed: tensors of static lifetime may outlive any order of destruction.
  static auto* memory = new CachingAllocator(
      {"host", true,
       [](size_t bytes) { return std::aligned_alloc(alignment, (bytes + 63) / 64 * 64); },
       [](void* block) { std::free(block); },
       [](void* block, int byte, size_t bytes) { std::memset(block, byte, bytes); },
       [](void* to, const void* block, size_t bytes) { std::memcpy(to, block, bytes); }});
  return *memory;
}

}  // namespace weft
