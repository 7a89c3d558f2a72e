// source_dir: what CMake says.
#include "tests/support/source_dir.h"

namespace weft {

std::string source_dir() { return WEFT_SOURCE_DIR; }

}  // namespace weft
