// RecordedSteps: a key of phase and labels.
#include "train/step/recorded_steps.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "engine/ranks.h"

namespace weft {
namespace {

bool has_label(const Tensor& target) {
  const std::span values(target.data<float>(), static_cast<size_t>(target.numel()));
  return std::any_of(values.begin(), values.end(), [](float v) { return !std::isnan(v); });
}

}  // namespace

Repeated& RecordedSteps::of(Phase phase, const Batch& batch) {
  std::vector<char> labelled;
  if (is_asynchronous(context_)) {
    for (const Tensor& target : batch.targets) labelled.push_back(has_label(target) ? 1 : 0);
    current_ranks().join(labelled);
  }
  std::pair key{phase, labelled};
  if (by_labels_.size() >= most_sets && by_labels_.count(key) == 0) key.second.clear();
  return by_labels_.try_emplace(key, context_).first->second;
}

}  // namespace weft
