// What the phases of a policy that looks at the input train: the policy's own values, or the network's
// with its running means.
#pragma once

#include <vector>

#include "engine/device_tensor.h"
#include "train/loop/trainer.h"

namespace weft::test {

inline std::vector<double> values_of(Trainer& trainer, bool policy) {
  std::vector<double> out;
  const ParameterStore& store = trainer.model().store();
  for (const Parameter& p : store.parameters())
    if (store.part_of(p) != Part::policy && (store.part_of(p) == Part::sharing) == policy)
      for (double v : to_host(trainer.context(), p.value).to_vector()) out.push_back(v);
  if (!policy)
    for (const NamedStats& s : store.stats())
      for (double v : to_host(trainer.context(), s.stats.running_mean).to_vector())
        out.push_back(v);
  return out;
}

}  // namespace weft::test
