// The end of every loss: a weighted sum and what it is divided by. `total` [2], f64, is what a
// loss's backward retains of it: 1 / weight (0 where nothing was valid) and the number of valid
// elements, which callers may also read.
#pragma once

#include "engine/philox.h"
#include "engine/tensor.h"

namespace weft {

struct LossSum {
  double loss = 0, weight = 0, count = 0;

  WEFT_HD LossSum& operator+=(const LossSum& other) {
    loss += other.loss;
    weight += other.weight;
    count += other.count;
    return *this;
  }
};

/// loss = sum / weight, and 0 where nothing was valid. Only a weight of exactly 0 is nothing: one
/// that is NaN makes the loss and its gradient NaN, and so does a NaN loss whose weight is 0.
template <class T>
WEFT_HD void write_loss(const LossSum& sum, T* loss, double* total) {
  const bool none = sum.weight == 0;
  loss[0] = static_cast<T>(none ? sum.loss : sum.loss / sum.weight);
  total[0] = none ? 0 : 1 / sum.weight;
  total[1] = sum.count;
}

}  // namespace weft
