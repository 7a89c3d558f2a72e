// Words that no terminal, parameter or circuit may be called in SPICE or Verilog-A, whichever of them
// is written, so that both files have the same names. Capitals are all one: SPICE knows none.
#pragma once

#include <string>

namespace weft {

/// Whether a language or the circuit itself has this name; "Abs" as "abs".
bool is_reserved(const std::string& name);

/// In small letters.
std::string lower_case(std::string text);

}  // namespace weft
