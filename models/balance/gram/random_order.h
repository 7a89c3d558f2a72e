// The random order in which pcgrad and gradvac visit the other tasks, from Philox: the stream
// balance under `name`, anew for each step and task, so that a resumed run draws the same.
#pragma once

#include "models/balance/gram.h"

namespace weft::balance {

/// The indices 0 .. n-1 but i, shuffled (Fisher and Yates).
inline std::vector<size_t> random_order(const Noise& noise, const char* name, size_t n, size_t i) {
  const Philox philox(noise.seed, Stream::balance, noise.step, name);
  std::vector<size_t> order;
  for (size_t j = 0; j < n; ++j)
    if (j != i) order.push_back(j);
  for (size_t k = order.size(); k > 1; --k)
    std::swap(order[k - 1], order[philox.below(i * n + k - 1, k)]);
  return order;
}

}  // namespace weft::balance
