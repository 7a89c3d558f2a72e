// Routing by the input in plain loops: every function block mixed by the straight-through estimator,
// and evaluation.
#pragma once

#include <vector>

#include "tests/models/naive_per_input.h"

namespace weft::test {

class NaiveInputRouting : public NaivePerInput {
 public:
  using NaivePerInput::NaivePerInput;

  /// Features behind the last block, by policy: a straight-through training pass with this noise.
  std::vector<Map> train(const Map& image, const Noise& noise) const;
  /// The same in evaluation, each image alone, on routes [policy][image][block].
  std::vector<Map> evaluate(const Map& image, const Decisions& routes) const;
  /// What the last train() drew.
  Decisions drawn() const { return drawn_; }

 private:
  mutable Decisions drawn_;
};

}  // namespace weft::test
