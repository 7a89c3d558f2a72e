// What must fit together in a run on a table: [data] kind = "tabular", [[column]], and the keys of
// [[task]] that are about targets computed from columns.
#pragma once

#include "train/run_file/run_file.h"

namespace weft {

/// Throws ConfigError; check_run_file calls it.
void check_tables(const RunFile& run);

}  // namespace weft
