// Transfer curves of a study: where its sets cut one task to fewer and fewer groups of rows
// (task.NAME.train_groups) of one run file, the task's error over how many it has, methods as colours
// (Caruana, Multitask Learning, 1997: what the other tasks know shows where a task has little of its
// own). Thin: seeds; thick: their mean; level lines: the mean with all groups, where a set has them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/study/tables.h"

namespace weft {

/// "transfer-TASK" and its picture as SVG, both axes logarithmic, for every task that at least two sets
/// cut to different numbers; of the task's first metric on the test split, where that is above 0.
std::vector<std::pair<std::string, std::string>> transfer_curves(
    const Study& study, const std::vector<StudyCell>& cells,
    const std::vector<StudyResult>& results);

}  // namespace weft
