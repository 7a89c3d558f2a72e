// Threads that wait for work: for_parts(n, f) calls f(0) .. f(n - 1), f(0) on the caller's. They look
// for the next work for some microseconds before they sleep, as layers follow each other closely.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace weft::runner {

class Workers {
 public:
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return static_cast<int>(threads_.size()) + 1; }

  /// n is at most count(); f must not throw.
  template <class F>
  void for_parts(int n, const F& f) {
    if (n < 2) return f(0);
    start(
        n, [](const void* work, int part) { (*static_cast<const F*>(work))(part); }, &f);
    f(0);
    finish();
  }

 private:
  using Call = void (*)(const void* work, int part);
  void start(int n, Call call, const void* work);
  void finish();
  void serve(int number);

  std::vector<std::thread> threads_;
  std::atomic<uint32_t> round_{0}, busy_{0};
  int parts_ = 0;
  Call call_ = nullptr;
  const void* work_ = nullptr;
  bool end_ = false;
};

}  // namespace weft::runner
