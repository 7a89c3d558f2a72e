// A struct as the TOML file that would fill it, with every key resolved: what a run folder's run.toml
// and a study's study.toml hold. A key that has no value is left out. Tables inside a table are written
// inline; doubles in the shortest form that reads back to the same bits.
#pragma once

#include <string>

#include "train/run_file/toml/fields.h"

namespace weft {

/// The keys that `visit` names, in its order.
std::string toml_text(const Visit& visit);

}  // namespace weft
