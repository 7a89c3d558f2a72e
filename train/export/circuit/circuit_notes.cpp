// What both languages need of a circuit: expressions with names, and its notes.
#include <algorithm>
#include <cctype>

#include "engine/error.h"
#include "train/export/circuit/circuit.h"

namespace weft {
namespace {

/// Of text in a comment.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
  return text;
}

}  // namespace

std::string with_names(const std::string& expression,
                       const std::function<std::string(const std::string&)>& written) {
  std::string out;
  for (size_t at = 0; at < expression.size();) {
    const size_t open = expression.find('<', at);
    out += expression.substr(at, open - at);
    if (open == std::string::npos) break;
    const size_t close = expression.find('>', open);
    out += written(expression.substr(open + 1, close - open - 1));
    at = close + 1;
  }
  return out;
}

bool is_parameter(const Circuit& circuit, const std::string& name) {
  return std::any_of(circuit.parameters.begin(), circuit.parameters.end(),
                     [&](const CircuitParameter& p) { return p.name == name; });
}

std::vector<std::string> circuit_notes(const Circuit& circuit) {
  std::vector<std::string> notes;
  const std::string unit = circuit.unit.empty() ? "the label's unit" : circuit.unit;
  if (circuit.device) {
    notes.push_back(fmt::format("{}: a device with terminals {}; voltages in V", circuit.name,
                                fmt::join(circuit.terminals, " ")));
    notes.push_back(
        fmt::format("  current from {} to {} in {}", circuit.plus, circuit.minus, unit));
  } else {
    notes.push_back(fmt::format("{}: terminals {}, to ground; 1 V is 1 of the column's unit",
                                circuit.name, fmt::join(circuit.terminals, " ")));
    notes.push_back(fmt::format("  output {}, 1 V is 1 {}", circuit.plus, unit));
  }
  for (const CircuitParameter& p : circuit.parameters)
    notes.push_back(
        fmt::format("  parameter {}: column {} of the table, in its unit ({:.6g} where "
                    "none is given)",
                    p.name, p.column, p.value));
  if (circuit.device) {
    notes.push_back(
        "  parameter polarity: -1 where the table has voltages and currents times -1, as of "
        "p-channel types");
    notes.push_back(fmt::format(
        "  parameter gmin: S from {} to {}, beside what was learned, so that a device that is off "
        "leaves no node without a path (1e-15 where none is given)",
        circuit.plus, circuit.minus));
  }
  if (!circuit.smooth)
    notes.push_back(
        "  its slopes jump (relu): a simulator may not converge; silu, tanh and "
        "softplus are smooth");
  for (std::string& line : notes) line = one_line(line);
  return notes;
}

}  // namespace weft
