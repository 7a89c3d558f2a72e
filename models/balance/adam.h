// Adam on K numbers that a method learns (Kingma and Ba, arXiv 1412.6980, algorithm 1; the order of
// operations is PyTorch's): betas 0.9 and 0.999, eps 1e-8. Every number has a count of steps of its
// own, so that those of absent tasks stand still, moments and all.
#pragma once

#include "models/balance/matrix.h"

namespace weft::balance {

struct Adam {
  Vector first, second, steps;
  explicit Adam(size_t n) : first(n, 0.0), second(n, 0.0), steps(n, 0.0) {}

  /// Moves x, which is number i, down its gradient.
  void move(size_t i, double& x, double gradient, double rate);
};

}  // namespace weft::balance
