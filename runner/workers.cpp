// Workers: a counter of rounds that threads wait on, and one of those that still work.
#include "runner/workers.h"

namespace weft::runner {
namespace {

constexpr int looks = 20'000;  ///< before a thread sleeps

/// Until it is no longer `old`; the value it then has.
uint32_t changed(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < looks; ++i)
    if (const uint32_t now = value.load(std::memory_order_acquire); now != old) return now;
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

Workers::Workers(int threads) {
  for (int i = 1; i < threads; ++i) threads_.emplace_back([this, i] { serve(i); });
}

Workers::~Workers() {
  end_ = true;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::start(int n, Call call, const void* work) {
  parts_ = n;
  call_ = call;
  work_ = work;
  busy_.store(static_cast<uint32_t>(threads_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
}

void Workers::finish() {
  for (uint32_t left = busy_.load(std::memory_order_acquire); left > 0;)
    left = changed(busy_, left);
}

void Workers::serve(int number) {
  for (uint32_t round = 0;;) {
    round = changed(round_, round);
    if (end_) return;
    if (number < parts_) call_(work_, number);
    if (busy_.fetch_sub(1, std::memory_order_release) == 1) busy_.notify_one();
  }
}

}  // namespace weft::runner
