// same_statistics: layer by layer, in the order in which the store holds each layer's sets.
#include "models/sharing/same_statistics.h"

#include <algorithm>
#include <cstring>

namespace weft {
namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

/// The block whose layer this is; -1: the stem's.
int block_of(const std::string& layer, const Trunk& trunk) {
  for (int l = 0; l < trunk.blocks(); ++l)
    if (layer.rfind(trunk.block_name(l) + ".", 0) == 0) return l;
  return -1;
}

/// A layer's sets stand side by side, one a task: "layer1.0.bn1.seg", "layer1.0.bn1.depth".
bool is_layer(const std::deque<NamedStats>& stats, size_t at, const std::string& layer,
              const std::vector<std::string>& tasks) {
  if (at + tasks.size() > stats.size()) return false;
  for (size_t k = 0; k < tasks.size(); ++k)
    if (stats[at + k].name != layer + "." + tasks[k]) return false;
  return true;
}

}  // namespace

SameStatistics same_statistics(const ParameterStore& store, const Trunk& trunk,
                               const std::vector<std::string>& tasks) {
  const size_t count = tasks.size();
  SameStatistics same(count, std::vector<int>(count, trunk.blocks()));
  const auto& stats = store.stats();
  for (size_t at = 0; at < stats.size(); ++at) {
    const std::string& first = stats[at].name;
    if (first.size() <= tasks[0].size()) continue;
    const std::string layer = first.substr(0, first.size() - tasks[0].size() - 1);
    if (!is_layer(stats, at, layer, tasks)) continue;
    std::vector<Tensor> mean, var;
    for (size_t k = 0; k < count; ++k) {
      mean.push_back(to_host(store.context(), stats[at + k].stats.running_mean));
      var.push_back(to_host(store.context(), stats[at + k].stats.running_var));
    }
    const int block = block_of(layer, trunk);
    for (size_t a = 0; a < count; ++a)
      for (size_t b = 0; b < count; ++b)
        if (!same_bits(mean[a], mean[b]) || !same_bits(var[a], var[b]))
          same[a][b] = std::min(same[a][b], block);
  }
  return same;
}

}  // namespace weft
