// A random order; first of it whoever shows a class that is not there yet, then the rest.
#include "data/fixed_sample.h"

#include <algorithm>
#include <set>

#include "engine/philox.h"

namespace weft {
namespace {

/// Adds `count` samples of `order` to `chosen`, or as many as it takes to hold every class.
void take(const Dataset& data, const std::vector<int64_t>& order, size_t tasks, size_t count,
          std::set<int64_t>& chosen) {
  std::set<std::pair<size_t, int64_t>> seen;
  std::vector<int64_t> rest;
  size_t taken = 0;
  for (int64_t index : order) {
    bool fresh = false;
    for (size_t k = 0; k < tasks; ++k)
      if (const auto id = data.class_of(index, k)) fresh |= seen.emplace(k, *id).second;
    if (!fresh) {
      rest.push_back(index);
      continue;
    }
    chosen.insert(index);
    ++taken;
  }
  for (size_t i = 0; i < rest.size() && taken < count; ++i, ++taken) chosen.insert(rest[i]);
}

}  // namespace

std::vector<int64_t> fixed_sample(const Dataset& data, const std::vector<int64_t>& indices,
                                  const std::vector<TaskSpec>& tasks, int64_t count, bool per_task,
                                  uint64_t seed) {
  std::vector<int64_t> order = indices;
  const Philox philox(seed, Stream::data, 0, "eval.sample");
  for (auto i = static_cast<int64_t>(order.size()) - 1; i > 0; --i)
    std::swap(order[i], order[philox.below(i, i + 1)]);
  std::set<int64_t> chosen;
  for (size_t k = 0; k < (per_task ? tasks.size() : 1); ++k) {
    std::vector<int64_t> own;
    for (int64_t index : order)
      if (!per_task || data.only_task(index) < 0 || data.only_task(index) == static_cast<int>(k))
        own.push_back(index);
    take(data, own, tasks.size(), static_cast<size_t>(count), chosen);
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace weft
