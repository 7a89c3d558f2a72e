// weft train --dry-run: the plan's checks, then a few steps, evaluations and checkpoints of every
// phase, and what the whole run would take. Nothing is chosen, and nothing stays on the disk.
#pragma once

#include <string>

#include "train/loop/forecast.h"

namespace weft::cli {

/// `opened`: seconds that opening the data took; `folder`: where the run would go.
void dry_run(const RunFile& run, const Dataset& data, AnyContext context, double opened,
             const std::string& folder);

}  // namespace weft::cli
