// How many labels of each class there were, and how many of them were found. Balanced accuracy is
// the mean over the classes that have labels of found / labels: a rare class counts as much as any.
#pragma once

#include <cstdint>
#include <vector>

#include "train/metrics/measure.h"

namespace weft {

class Recalls {
 public:
  explicit Recalls(int classes) : classes_(static_cast<size_t>(classes)) {}

  void add(int64_t label, bool found) {
    Count& of_class = classes_[static_cast<size_t>(label)];
    ++of_class.labels;
    of_class.found += found;
  }
  /// In percent; absent where there was no label.
  Measure balanced_accuracy() const {
    double sum = 0, present = 0;
    for (const Count& c : classes_) {
      if (c.labels == 0) continue;
      sum += static_cast<double>(c.found) / static_cast<double>(c.labels);
      present += 1;
    }
    if (present == 0) return std::nullopt;
    return 100 * (sum / present);
  }

 private:
  struct Count {
    int64_t labels = 0, found = 0;
  };
  std::vector<Count> classes_;
};

}  // namespace weft
