// Circuits as SPICE subcircuits, for ngspice and what reads the same: 1 V is 1. A sum is a node with
// 1 ohm to ground into which each term sends its current (G, and I for the bias): linear elements, which
// a simulator factors faster than sums in expressions, and no line grows with the network. Everything
// else is a behavioural source (B). A deep network is so one node per neuron and one per activation.
#pragma once

#include <string>
#include <vector>

#include "train/export/circuit/circuit.h"

namespace weft {

/// `notes`: lines for people at the file's head.
std::string spice_text(const std::vector<Circuit>& circuits, const std::vector<std::string>& notes);

}  // namespace weft
