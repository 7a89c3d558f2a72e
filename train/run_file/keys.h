// The table of the run file's keys (train/run_file/toml/fields.h says who visits it).
#pragma once

#include "train/run_file/run_file.h"
#include "train/run_file/toml/fields.h"

namespace weft {

void visit_fields(FieldVisitor& v, RunFile& run);
void visit_fields(FieldVisitor& v, ColumnSpec& column);
void visit_fields(FieldVisitor& v, TaskSpec& task);
void visit_fields(FieldVisitor& v, BalanceSpec& balance);

/// Every key and table as a dotted path; tasks go by their names.
std::vector<std::string> key_names(const RunFile& run);

}  // namespace weft
