// The cells of a multilabel task: class names or ids with task.separator between them, "cat; dog", in
// any order; spaces around them do not count. An empty cell is a missing label; one of separators
// alone, ";", says that none of the classes is there. What `ignore` or `invalid` names is left out of a
// set; a cell of nothing else is a missing label. The label is a 0 or 1 for each class.
#pragma once

#include <string>
#include <vector>

#include "data/spec.h"

namespace weft {

/// What stands between the separators, but for what is empty.
std::vector<std::string> parts_of_cell(const std::string& cell, const std::string& separator);

/// The label of an image (or row) of any such kind into out[label_channels]: label_of_cell's
/// (cells.h), or its 0 and 1; NaN all where the cell is empty.
void write_label(const std::string& cell, const std::vector<std::string>& names,
                 const TaskSpec& task, const std::string& place, const std::string& column,
                 float* out);

}  // namespace weft
