// Which weft this is: what --version, info and the run folder's run.toml say.
#pragma once

#include <string>

namespace weft {

std::string version();        ///< "0.1.0"
std::string build_summary();  ///< "g++ 12.2.0, -march=native, CPU"

}  // namespace weft
