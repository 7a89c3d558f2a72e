// What a forward pass moves beside what it computes: batch norm's running values, on the device, and
// how many batches they have seen, on the host. A step that starts over puts both back.
#pragma once

#include <vector>

#include "models/parameter_store.h"

namespace weft {

/// Means and variances, in the store's order.
inline std::vector<Tensor> running_of(ParameterStore& store) {
  std::vector<Tensor> out;
  for (const NamedStats& s : store.stats())
    out.insert(out.end(), {s.stats.running_mean, s.stats.running_var});
  return out;
}

/// The counts as they were when this was made.
class Counters {
 public:
  explicit Counters(ParameterStore& store) : store_(store) {
    for (const NamedStats& s : store_.stats()) counts_.push_back(s.stats.num_batches_tracked);
  }
  void restore() const {
    size_t i = 0;
    for (NamedStats& s : store_.stats()) s.stats.num_batches_tracked = counts_[i++];
  }

 private:
  ParameterStore& store_;
  std::vector<int64_t> counts_;
};

}  // namespace weft
