// Which recorded step a batch takes. Which tasks have labels decides which kernels run back, so on a
// GPU each set of tasks has a graph of its own, and rare labels do not make one graph anew at every
// turn; beyond a few sets, the rare ones take turns in one. Of several ranks the labels of all decide, so
// that they record, build and launch in the same steps.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "data/loader.h"
#include "engine/device.h"
#include "train/step/state.h"

namespace weft {

class RecordedSteps {
 public:
  /// Graphs of sets that are kept apart.
  static constexpr size_t most_sets = 16;

  explicit RecordedSteps(const AnyContext& context) : context_(context) {}
  Repeated& of(Phase phase, const Batch& batch);

 private:
  AnyContext context_;
  std::map<std::pair<Phase, std::vector<char>>, Repeated> by_labels_;
};

}  // namespace weft
