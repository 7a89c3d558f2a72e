// CachingAllocator: bytes that return to free lists by size class instead of to the system, so that
// a training step in its steady state asks malloc (or cudaMalloc) for nothing. Size classes grow by
// eighths of a power of two: at most 12.5 % is lost to rounding. Counters, a cap, and two switches
// for tests: poison (fresh memory reads as NaN) and guards (bytes around each block are watched).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace weft {

/// Where bytes come from; a failed `allocate` returns nullptr.
struct RawMemory {
  const char* name;
  bool on_host;  ///< the CPU can read the bytes
  void* (*allocate)(size_t bytes);
  void (*release)(void* block);
  void (*fill)(void* block, int byte, size_t bytes);
  void (*read)(void* to, const void* block, size_t bytes);
};

struct MemoryCounters {
  size_t live_bytes = 0;     ///< in use by buffers now
  size_t peak_bytes = 0;     ///< most ever in use at once since reset_peak
  size_t cached_bytes = 0;   ///< held in free lists
  int64_t system_calls = 0;  ///< how often the system's allocator was asked
  int64_t guard_breaks = 0;  ///< blocks whose guard bytes had changed on release
};

class MemoryPool;

/// Owned bytes; they go back to their allocator's free list when the last owner lets go, or to the
/// system where the allocator is gone by then.
class Buffer {
 public:
  Buffer(std::shared_ptr<MemoryPool> pool, void* data, size_t bytes, size_t block)
      : pool_(std::move(pool)), data_(data), bytes_(bytes), block_(block) {}
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  /// Throws Error where the allocator, and the device behind it, are gone, and where dropped.
  void* data() const;
  size_t bytes() const { return bytes_; }
  bool on_host() const;
  /// Gives the bytes back while who refers to them stays: for what can be computed again. The other
  /// bytes that restore() finds are uninitialised; it throws MemoryError as allocate() does.
  void drop();
  void restore();
  bool dropped() const { return data_ == nullptr; }
  /// How often the bytes were changed in place: what a tape compares between forward and backward.
  uint32_t version() const { return version_; }
  void changed() {
    ++version_;
    finite_ = false;
  }
  /// Whether all that the bytes hold was found finite as it was written; changed() forgets it.
  bool finite() const { return finite_; }
  void mark_finite() { finite_ = true; }
  /// Another buffer with these numbers rounded, until changed(); null: none is kept
  /// (Tensor::rounded).
  const std::shared_ptr<Buffer>& rounded() const {
    static const std::shared_ptr<Buffer> none;
    return rounded_version_ == version_ ? rounded_ : none;
  }
  void keep_rounded(std::shared_ptr<Buffer> copy) {
    rounded_ = std::move(copy);
    rounded_version_ = version_;
  }
  bool wants_rounded() const { return wants_rounded_; }
  void want_rounded() { wants_rounded_ = true; }

 private:
  std::shared_ptr<MemoryPool> pool_;
  void* data_;
  size_t bytes_;
  size_t block_;  // size class of the whole block, guards included
  uint32_t version_ = 0;
  bool finite_ = false;
  bool wants_rounded_ = false;
  uint32_t rounded_version_ = 0;
  std::shared_ptr<Buffer> rounded_;
};

class CachingAllocator {
 public:
  explicit CachingAllocator(const RawMemory& raw);
  ~CachingAllocator();
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// Throws MemoryError with the counters when the cap or the system's memory is reached.
  std::shared_ptr<Buffer> allocate(size_t bytes);
  MemoryCounters counters() const;
  bool on_host() const;
  void reset_peak();
  /// Live bytes may not exceed `bytes`; 0 lifts the cap.
  void set_cap(size_t bytes);
  void set_poison(bool on);
  /// Applies to blocks allocated from now on.
  void set_guards(bool on);
  /// Returns every cached block to the system.
  void trim();
  /// While held, trim() returns none: work that uses them is recorded, and has not run yet.
  void hold(bool on);

  /// Smallest size class that holds `bytes`.
  static size_t size_class(size_t bytes);

 private:
  std::shared_ptr<MemoryPool> pool_;  ///< which buffers that outlive this still hold
};

/// malloc'ed memory, aligned to 64 bytes: the CPU's tensors and every batch on the host.
CachingAllocator& host_memory();

}  // namespace weft
