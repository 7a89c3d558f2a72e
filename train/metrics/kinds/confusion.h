// Confusion: how many labels of class i were predicted as class j, pooled over a split. A prediction
// that is NaN is no class, which is the last column.
#pragma once

#include <vector>

#include "train/metrics/kinds/tally.h"

namespace weft {

class Confusion final : public Tally {
 public:
  explicit Confusion(const TallyOf& of)
      : compat_(of.compat()),
        classes_(of.task.kind == TaskKind::binary ? 2 : static_cast<size_t>(of.task.classes)),
        counts_(classes_ * (classes_ + 1)) {}

  void add_row(const double* ids, const float* label, int64_t width) override {
    for (int64_t x = 0; x < width; ++x) {
      if (std::isnan(label[x])) continue;
      const size_t guess = std::isnan(ids[x]) ? classes_ : static_cast<size_t>(ids[x]);
      ++counts_[static_cast<size_t>(label[x]) * (classes_ + 1) + guess];
    }
  }

  void join(Ranks& ranks) override { ranks.sum_all(counts_); }

  bool compat() const { return compat_; }
  size_t classes() const { return classes_; }
  int64_t at(size_t label, size_t guess) const { return counts_[label * (classes_ + 1) + guess]; }
  int64_t right(size_t c) const { return at(c, c); }
  int64_t labelled(size_t c) const {
    int64_t sum = 0;
    for (size_t guess = 0; guess <= classes_; ++guess) sum += at(c, guess);
    return sum;
  }
  int64_t predicted(size_t c) const {
    int64_t sum = 0;
    for (size_t label = 0; label < classes_; ++label) sum += at(label, c);
    return sum;
  }

 private:
  bool compat_;
  size_t classes_;
  std::vector<int64_t> counts_;  ///< [label][prediction]
};

}  // namespace weft
