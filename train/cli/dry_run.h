// weft train --dry-run: the plan's checks, then a few steps of every phase, and what the whole run
// would take. Nothing is evaluated, chosen or written.
#pragma once

#include "train/trainer.h"

namespace weft::cli {

/// What a step of a phase takes, without waiting for data that workers bring.
struct PhaseCost {
  Phase phase = Phase::warmup;
  int64_t steps = 0;  ///< that the run has
  double seconds = 0, peak_bytes = 0;
};

/// Measured for every phase that the run file gives steps to.
std::vector<PhaseCost> phase_costs(Trainer& trainer, const RunFile& run);
/// The same run with a trainer that no phase's end stops to evaluate, draw or save.
RunFile without_ends(RunFile run);

void dry_run(const RunFile& run, const Dataset& data, AnyContext context);

}  // namespace weft::cli
