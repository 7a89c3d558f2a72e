// A parameter with all that its optimizer keeps of it, to be compared before and after steps that
// must leave it alone.
#pragma once

#include <vector>

#include "tests/support/op_check.h"
#include "train/step/optimizer.h"

namespace weft {

/// Bits of a parameter and its moments, and how many updates it has seen.
struct Kept {
  std::vector<Tensor> tensors;
  int64_t step = 0;
};

inline Kept keep(const Parameter& p, const Optimizer& optimizer) {
  const auto copy = [](const Tensor& t) {
    return Tensor::from(t.shape(), t.to_vector(), t.dtype());
  };
  Kept kept{{copy(p.value)}, 0};
  if (const Optimizer::State* state = optimizer.state_of(p)) {
    kept.step = state->step;
    for (const Tensor& t : state->moments) kept.tensors.push_back(copy(t));
  }
  return kept;
}

inline bool same(const Kept& a, const Kept& b) {
  bool equal = a.step == b.step && a.tensors.size() == b.tensors.size();
  for (size_t i = 0; equal && i < a.tensors.size(); ++i)
    equal = same_bits(a.tensors[i], b.tensors[i]);
  return equal;
}

}  // namespace weft
