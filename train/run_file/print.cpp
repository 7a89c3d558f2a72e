// The run file with every key resolved: what a run folder's run.toml holds.
#include "train/run_file/keys.h"
#include "train/run_file/toml/printer.h"

namespace weft {

std::string print_run_file(const RunFile& run) {
  RunFile copy = run;
  return toml_text([&](FieldVisitor& v) { visit_fields(v, copy); });
}

}  // namespace weft
