// spice_text: head, then a .subckt each.
#include "train/export/circuit/spice.h"

#include "engine/error.h"

namespace weft {
namespace {

constexpr size_t longest_line = 100;

/// Cut at operators, as expressions may be; the + of 1e+20 is none.
std::string continued(const std::string& line) {
  std::string out;
  size_t begin = 0;
  while (line.size() - begin > longest_line) {
    size_t cut = line.find_last_of("*/+,", begin + longest_line);
    while (cut != std::string::npos && cut > begin && line[cut] == '+' && line[cut - 1] == 'e')
      cut = line.find_last_of("*/+,", cut - 1);
    if (cut == std::string::npos || cut <= begin) break;
    out += line.substr(begin, cut - begin + 1) + "\n+ ";
    begin = cut + 1;
  }
  return out + line.substr(begin) + "\n";
}

std::string value_lines(const CircuitValue& v, const Circuit& circuit) {
  if (v.linear) {
    std::string out = fmt::format("R{0} {0} 0 1\n", v.name);
    if (v.bias != 0) out += fmt::format("I{0} 0 {0} {1:.17g}\n", v.name, v.bias);
    for (size_t j = 0; j < v.terms.size(); ++j)
      out += fmt::format("G{0}_{1} 0 {0} {2} 0 {3:.17g}\n", v.name, j, v.terms[j].second,
                         v.terms[j].first);
    return out;
  }
  return continued(fmt::format(
      "B{0} {0} 0 V={1}", v.name, with_names(v.expression, [&](const std::string& name) {
        return is_parameter(circuit, name) ? "{" + name + "}" : "V(" + name + ")";
      })));
}

std::string subcircuit(const Circuit& c) {
  std::string out;
  for (const std::string& line : circuit_notes(c)) out += "* " + line + "\n";
  std::string head = fmt::format(".subckt {} {}", c.name, fmt::join(c.terminals, " "));
  for (const CircuitParameter& p : c.parameters) head += fmt::format(" {}={:.9g}", p.name, p.value);
  out += head + (c.device ? " polarity=1 gmin=1e-15\n" : "\n");
  for (const CircuitVoltage& v : c.voltages)
    out += c.device ? fmt::format("B{0} {0} 0 V={{polarity}}*V({1},{2})\n", v.name, v.plus, v.minus)
                    : fmt::format("E{0} {0} 0 {1} 0 1\n", v.name, v.plus);
  std::string layer;
  for (const CircuitValue& v : c.values) {
    if (v.layer != layer) out += fmt::format("* {}\n", layer = v.layer);
    out += value_lines(v, c);
  }
  const std::string y = with_names(c.output, [&](const std::string& name) {
    return is_parameter(c, name) ? "{" + name + "}" : "V(" + name + ")";
  });
  out += continued(c.device ? fmt::format("Bout {} {} I={{polarity}}*{}", c.plus, c.minus, y)
                            : fmt::format("Bout {} 0 V={}", c.plus, y));
  if (c.device) out += fmt::format("Gmin {0} {1} {0} {1} {{gmin}}\n", c.plus, c.minus);
  return out + fmt::format(".ends {}\n", c.name);
}

}  // namespace

std::string spice_text(const std::vector<Circuit>& circuits,
                       const std::vector<std::string>& notes) {
  std::string out = "* subcircuits written by weft export\n";
  for (const std::string& line : notes) out += "* " + line + "\n";
  out +=
      "* .include this file. Sums are linear elements (R, G, I), activations behavioural sources "
      "(B); 1 V is 1.\n"
      "* .options reltol=1e-6 vntol=1e-9 abstol=1e-15 brings out what the network says to 1e-6.\n";
  for (const Circuit& c : circuits) out += "*\n" + subcircuit(c);
  return out;
}

}  // namespace weft
