// Trainer: which recorded step a batch takes. Which tasks have labels decides which kernels run
// back, so on a GPU each set of tasks has a graph of its own, and rare labels do not make one graph
// anew at every turn; beyond a few sets, the rare ones take turns in one.
#include <algorithm>
#include <cmath>
#include <span>

#include "train/loop/trainer.h"

namespace weft {
namespace {

constexpr size_t most_sets = 16;

bool has_label(const Tensor& target) {
  const std::span values(target.data<float>(), static_cast<size_t>(target.numel()));
  return std::any_of(values.begin(), values.end(), [](float v) { return !std::isnan(v); });
}

}  // namespace

Repeated& Trainer::repeated(Phase phase, const Batch& batch) {
  std::vector<bool> labelled;
  if (is_asynchronous(context_))
    for (const Tensor& target : batch.targets) labelled.push_back(has_label(target));
  std::pair key{phase, labelled};
  if (repeated_.size() >= most_sets && repeated_.count(key) == 0) key.second.clear();
  return repeated_.try_emplace(key, context_).first->second;
}

}  // namespace weft
