// MeanLoss: a split's mean loss, of batches by the weights that they come with.
#pragma once

#include "train/metrics/kinds/tally.h"

namespace weft {

class MeanLoss final : public Tally {
 public:
  explicit MeanLoss(const TallyOf&) {}

  void add_loss(double loss, double weight) override {
    sum_ += loss * weight;
    weight_ += weight;
  }
  void join(Ranks& ranks) override { ranks.sum_all(sum_, weight_); }
  Measure value() const { return ratio(sum_, weight_); }

 private:
  double sum_ = 0, weight_ = 0;
};

}  // namespace weft
