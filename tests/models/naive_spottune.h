// SpotTune's definition in plain loops: the straight-through estimator, and both copies of every block.
#pragma once

#include <vector>

#include "tests/models/naive_per_input.h"

namespace weft::test {

class NaiveSpotTune : public NaivePerInput {
 public:
  using NaivePerInput::NaivePerInput;

  /// Features behind the last block, by policy: a training pass with this noise.
  std::vector<Map> train(const Map& image, const Noise& noise) const;
  /// The same in evaluation, under decisions [policy][image][block]: 1 is the tuned copy.
  std::vector<Map> evaluate(const Map& image, const Decisions& tuned) const;
  /// u of the last train(): [policy][image][block], 1 where the tuned copy was drawn.
  Decisions drawn() const { return drawn_; }

 private:
  mutable Decisions drawn_;
};

}  // namespace weft::test
