// Learning-rate schedules: the factor on lr at step s of a phase of `steps` steps, a pure function
// (run_file.h, ScheduleSpec):
//   constant  1
//   step      factor^floor(s / every)         PyTorch's StepLR
//   cosine    (1 + cos(pi s / steps)) / 2
//   poly      (1 - s / steps)^power
// each times (s + 1) / warmup in the first `warmup` steps.
#pragma once

#include <algorithm>
#include <cmath>

#include "train/run_file/run_file.h"

namespace weft {

inline double schedule_factor(const ScheduleSpec& spec, int64_t s, int64_t steps) {
  const double at =
      steps > 0 ? std::min(1.0, static_cast<double>(s) / static_cast<double>(steps)) : 0;
  double factor = 1;
  if (spec.kind == ScheduleKind::step)
    factor = std::pow(spec.factor, static_cast<double>(s / std::max<int64_t>(1, spec.every)));
  if (spec.kind == ScheduleKind::cosine) factor = 0.5 * (1 + std::cos(3.141592653589793 * at));
  if (spec.kind == ScheduleKind::poly) factor = std::pow(1 - at, spec.power);
  if (s < spec.warmup) factor *= static_cast<double>(s + 1) / static_cast<double>(spec.warmup);
  return factor;
}

}  // namespace weft
