// The parts of a data set; see split.h. Exact shares: samples are ranked by their hash, not
// compared with a threshold, so that small sets divide as asked too.
#include "data/split.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/philox.h"

namespace weft {
namespace {

/// FNV's low bits are good and its high bits are not: stir them (the finaliser of MurmurHash3).
uint64_t stirred(std::string_view key) {
  uint64_t h = hash_name(key);
  h = (h ^ h >> 33) * 0xff51afd7ed558ccdULL;
  h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ULL;
  return h ^ h >> 33;
}

/// Moves the `share` of `from` that ranks lowest by hash of `salt` + key into a part of its own; at
/// least one sample where there are two. Images that belong to one task divide task by task.
std::vector<int64_t> divide_off(const Dataset& dataset, std::vector<int64_t>& from, double share,
                                const std::string& salt) {
  std::map<int, std::vector<std::pair<uint64_t, int64_t>>> ranked_of_task;
  for (int64_t i : from)
    ranked_of_task[dataset.only_task(i)].emplace_back(stirred(salt + dataset.key(i)), i);
  std::vector<int64_t> taken;
  from.clear();
  for (auto& [task, ranked] : ranked_of_task) {
    std::sort(ranked.begin(), ranked.end());
    const auto size = static_cast<double>(ranked.size());
    const size_t count = ranked.size() < 2 ? 0 : std::max<size_t>(1, std::llround(share * size));
    for (size_t rank = 0; rank < ranked.size(); ++rank) {
      (rank < count ? taken : from).push_back(ranked[rank].second);
    }
  }
  std::sort(taken.begin(), taken.end());
  std::sort(from.begin(), from.end());
  return taken;
}

}  // namespace

std::vector<Split> split_by_ratio(const std::vector<std::string>& keys, double val, double test) {
  std::vector<std::pair<uint64_t, size_t>> ranked;
  for (size_t i = 0; i < keys.size(); ++i) ranked.emplace_back(stirred("ratio:" + keys[i]), i);
  std::sort(ranked.begin(), ranked.end());
  const auto count = static_cast<double>(keys.size());
  const auto vals = static_cast<size_t>(std::llround(val * count));
  const auto held_out = static_cast<size_t>(std::llround((val + test) * count));
  std::vector<Split> splits(keys.size(), Split::train);
  for (size_t rank = 0; rank < std::min(held_out, keys.size()); ++rank) {
    splits[ranked[rank].second] = rank < vals ? Split::val : Split::test;
  }
  return splits;
}

Parts make_parts(const Dataset& dataset, Semantics semantics, double policy_share) {
  Parts parts;
  std::vector<int64_t> open;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    switch (dataset.split(i)) {
      case Split::train:
        open.push_back(i);
        break;
      case Split::weights:
        parts.weights.push_back(i);
        break;
      case Split::policy:
        parts.policy.push_back(i);
        break;
      case Split::val:
        parts.val.push_back(i);
        break;
      case Split::test:
        parts.test.push_back(i);
        break;
    }
  }
  if (parts.val.empty() && semantics == Semantics::compat) parts.val = parts.test;
  if (parts.val.empty()) {
    std::vector<int64_t> all = open;
    all.insert(all.end(), parts.weights.begin(), parts.weights.end());
    all.insert(all.end(), parts.policy.begin(), parts.policy.end());
    parts.val = divide_off(dataset, all, 0.1, "val:");
    for (std::vector<int64_t>* part : {&open, &parts.weights, &parts.policy}) {
      part->erase(std::remove_if(part->begin(), part->end(),
                                 [&](int64_t i) {
                                   return std::binary_search(parts.val.begin(), parts.val.end(), i);
                                 }),
                  part->end());
    }
  }
  if (parts.policy.empty()) {
    parts.policy = divide_off(dataset, open, policy_share, "policy:");
    if (parts.policy.empty()) parts.policy = open;  // one sample serves both
  }
  parts.weights.insert(parts.weights.end(), open.begin(), open.end());
  parts.train = parts.weights;
  parts.train.insert(parts.train.end(), parts.policy.begin(), parts.policy.end());
  for (std::vector<int64_t>* part : {&parts.weights, &parts.train}) {
    std::sort(part->begin(), part->end());
    part->erase(std::unique(part->begin(), part->end()), part->end());
  }
  return parts;
}

}  // namespace weft
