// The table of the run file's keys (train/run_file/toml/fields.h says who visits it).
#pragma once

#include "train/run_file/run_file.h"
#include "train/run_file/toml/key_groups.h"

namespace weft {

void visit_fields(FieldVisitor& v, RunFile& run);
void visit_fields(FieldVisitor& v, ColumnSpec& column);
void visit_fields(FieldVisitor& v, TaskSpec& task);
void visit_fields(FieldVisitor& v, BalanceSpec& balance);

/// Every key and table as a dotted path; tasks go by their names.
std::vector<std::string> key_names(const RunFile& run);

/// Every key by table, with its default and meaning: what `weft keys`, docs/run_file.md, the manual
/// page and completion show. The group "run" has those before any table.
std::vector<KeyGroup> run_file_groups();

}  // namespace weft
