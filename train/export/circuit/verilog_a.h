// Circuits as Verilog-A modules: a neuron is a real variable, the whole network one analog block
// without an internal node. For compilers of compact models (OpenVAF and others).
#pragma once

#include <string>
#include <vector>

#include "train/export/circuit/circuit.h"

namespace weft {

/// `notes`: lines for people at the file's head.
std::string verilog_a_text(const std::vector<Circuit>& circuits,
                           const std::vector<std::string>& notes);

}  // namespace weft
