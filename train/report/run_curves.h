// The losses of runs over their steps, a picture a task: training as a thin line of means, evaluation as
// dots that say their numbers under the mouse; a colour a run. A line is broken where a stage begins.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/run_folder/run_folder.h"

namespace weft {

/// A run's name and its metrics.jsonl.
using NamedMetrics = std::pair<std::string, std::vector<MetricsLine>>;

/// A task and its picture as SVG, tasks in the order of their first line.
std::vector<std::pair<std::string, std::string>> run_curves(const std::vector<NamedMetrics>& runs);

}  // namespace weft
