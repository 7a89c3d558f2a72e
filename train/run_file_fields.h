// The table of the run file's keys (train/fields.h says who visits it).
#pragma once

#include "train/fields.h"
#include "train/run_file.h"

namespace weft {

void visit_fields(FieldVisitor& v, RunFile& run);
void visit_fields(FieldVisitor& v, TaskSpec& task);

/// Every key and table as a dotted path; tasks go by their names.
std::vector<std::string> key_names(const RunFile& run);

}  // namespace weft
