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

/// loss = sum / weight, and 0 where nothing was valid.
template <class T>
WEFT_HD void write_loss(const LossSum& sum, T* loss, double* total) {
  const bool some = sum.weight > 0;
  loss[0] = some ? static_cast<T>(sum.loss / sum.weight) : T(0);
  total[0] = some ? 1 / sum.weight : 0;
  total[1] = sum.count;
}

}  // namespace weft
