// What each task of a run costs alone, beside all tasks together and the network where each of them
// executes every block: parameters and FLOPs, counted on the graph that `weft export` writes.
#pragma once

#include "train/report/page.h"
#include "train/report/report.h"

namespace weft {

/// Or why they are not known.
void cost_parts(Page& page, const ReportedRun& run);

}  // namespace weft
