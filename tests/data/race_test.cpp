// Races on purpose, in the two places where threads share memory: tests/races.sh runs them first,
// for a sanitizer that does not see these would not see others. In its build alone, hidden.
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#include <latch>

#include "data/loader.h"
#include "engine/cpu/context.h"
#include "tests/support/catch.h"

using namespace weft;

namespace {

/// Forgets that two workers load from it at once, as they do here: each waits for the other.
class Counting final : public Dataset {
 public:
  int64_t size() const override { return 2; }
  Sample load(int64_t) const override {
    both.arrive_and_wait();
    ++loads;
    return {Picture(2, 2, 3), {}};
  }
  std::string key(int64_t i) const override { return std::to_string(i); }
  Split split(int64_t) const override { return Split::train; }
  mutable std::latch both{2};
  mutable int64_t loads = 0;
};

}  // namespace

TEST_CASE("race: chunks of a loop add to one number", "[.][race_of_chunks]") {
  CpuContext cpu(2);
  int64_t sum = 0;
  cpu.for_chunks(1000, 1, [&](int64_t begin, int64_t) { sum += begin; });
  CHECK(sum > 0);
}

TEST_CASE("race: workers of a loader count in their data set", "[.][race_of_workers]") {
  const Counting set;
  LoaderOptions options;
  options.batch = 1;
  options.workers = 2;
  options.end_cursor = 2;
  Loader loader(set, {0, 1}, options);
  loader.next();
  loader.next();
  CHECK(set.loads > 0);
}

#endif
#endif
