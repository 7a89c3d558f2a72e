// Where this repository's files lie (goldens, run files), for tests that read them.
#pragma once

#include <string>

namespace weft {

/// The repository's root; a folder given by -DWEFT_SOURCE_DIR to one file alone, so that every
/// other test compiles to the same object in each checkout.
std::string source_dir();

}  // namespace weft
