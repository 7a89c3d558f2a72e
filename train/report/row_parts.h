// Rows of a table with labels and predictions (rows.csv of a run folder), as a page shows them: not too
// many columns, the tasks' own always among them.
#pragma once

#include <string>

#include "train/report/page.h"
#include "train/run_file/run_file.h"

namespace weft {

/// DataError where `path` is no CSV.
void row_parts(Page& page, const RunFile& run, const std::string& path);

}  // namespace weft
