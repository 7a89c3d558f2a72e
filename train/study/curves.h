// The curves of a study: per set and task the validation loss over the steps of the run, methods as
// colours, seeds as thin lines and their mean as a thick one. They show whether a method (the
// single-task networks above all) has converged. A line is broken where a stage begins. Of more than ten
// methods the first and the eight of the best mean place over the set's tasks, by their last loss, are in
// colour, the same in all pictures of the set; of the others the means are gray, and the legend says all
// last losses, least first.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/study/tables.h"

namespace weft {

/// "SET-TASK" and its picture as SVG, of the finished cells that `results` holds.
std::vector<std::pair<std::string, std::string>> study_curves(
    const Study& study, const std::vector<StudyCell>& cells,
    const std::vector<StudyResult>& results);

}  // namespace weft
