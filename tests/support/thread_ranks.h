// Ranks that are threads of the test program: run_ranks(n, f) calls f(rank) on n threads at once,
// each of which is one rank while it runs. What one of them throws is thrown here, and ends the
// others at their next exchange.
#pragma once

#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/error.h"
#include "engine/ranks.h"

namespace weft::test {

/// What they share: a place for each rank's message, and a barrier.
class RankRoom {
 public:
  explicit RankRoom(int size) : size(size), out(static_cast<size_t>(size)), strides(out.size()) {}

  /// Until all have come; throws where one of them has failed.
  void meet() {
    std::unique_lock lock(mutex_);
    const int64_t round = round_;
    if (++here_ == size) {
      here_ = 0;
      ++round_;
      all_here_.notify_all();
    }
    all_here_.wait(lock, [&] { return round_ != round || failed_; });
    if (failed_) throw Error("another rank has failed");
  }
  void fail() {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    all_here_.notify_all();
  }

  const int size;
  std::vector<const std::byte*> out;
  std::vector<size_t> strides;

 private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  int here_ = 0;
  int64_t round_ = 0;
  bool failed_ = false;
};

class ThreadRanks final : public Ranks {
 public:
  ThreadRanks(RankRoom& room, int rank) : Ranks(rank, room.size), room_(room) {}
  std::string name_of(int rank) const override { return fmt::format("rank {} (thread)", rank); }
  void exchange(const void* out, size_t stride, void* in, size_t bytes) override {
    const auto me = static_cast<size_t>(rank());
    room_.out[me] = static_cast<const std::byte*>(out);
    room_.strides[me] = stride;
    room_.meet();
    for (size_t r = 0; r < room_.out.size() && bytes > 0; ++r)
      std::memcpy(static_cast<std::byte*>(in) + r * bytes, room_.out[r] + me * room_.strides[r],
                  bytes);
    room_.meet();
  }

 private:
  RankRoom& room_;
};

template <class F>
void run_ranks(int size, F&& f) {
  RankRoom room(size);
  std::exception_ptr error;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      ThreadRanks ranks(room, rank);
      const RanksHere here(ranks);
      try {
        f(rank);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        room.fail();
      }
    });
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace weft::test
