// verilog_a_text: head, then a module each.
#include "train/export/circuit/verilog_a.h"

#include <cmath>

#include "engine/error.h"

namespace weft {
namespace {

std::string list(const std::vector<std::string>& names, const std::string& kind) {
  std::string out;
  size_t width = 0;
  for (const std::string& name : names) {
    const bool first = width == 0;
    out += first ? "  " + kind + " " + name : ", " + name;
    width += name.size() + 2;
    if (width > 80) {
      out += ";\n";
      width = 0;
    }
  }
  return out + (width == 0 ? "" : ";\n");
}

std::string statement(const CircuitValue& v) {
  std::string out = "    " + v.name + " = ";
  if (!v.linear)
    return out + with_names(v.expression, [](const std::string& name) { return name; }) + ";\n";
  out += fmt::format("{:.17g}", v.bias);
  size_t width = out.size();
  for (const auto& [factor, of] : v.terms) {
    const std::string term =
        fmt::format(" {} {:.17g} * {}", factor < 0 ? "-" : "+", std::abs(factor), of);
    if (width + term.size() > 100) {
      out += "\n       ";
      width = 7;
    }
    out += term;
    width += term.size();
  }
  return out + ";\n";
}

std::string module(const Circuit& c) {
  std::string out;
  for (const std::string& line : circuit_notes(c)) out += "// " + line + "\n";
  out += fmt::format("module {}({});\n", c.name, fmt::join(c.terminals, ", "));
  out += fmt::format("  inout {0};\n  electrical {0};\n", fmt::join(c.terminals, ", "));
  for (const CircuitParameter& p : c.parameters)
    out += fmt::format("  parameter real {} = {:.9g};\n", p.name, p.value);
  if (c.device) out += "  parameter real polarity = 1;\n  parameter real gmin = 1e-15;\n";
  std::vector<std::string> names;
  for (const CircuitVoltage& v : c.voltages) names.push_back(v.name);
  for (const CircuitValue& v : c.values) names.push_back(v.name);
  out += list(names, "real") + "  analog begin\n";
  for (const CircuitVoltage& v : c.voltages)
    out += c.device ? fmt::format("    {} = polarity * V({}, {});\n", v.name, v.plus, v.minus)
                    : fmt::format("    {} = V({});\n", v.name, v.plus);
  std::string layer;
  for (const CircuitValue& v : c.values) {
    if (v.layer != layer) out += fmt::format("    // {}\n", layer = v.layer);
    out += statement(v);
  }
  const std::string y = with_names(c.output, [](const std::string& name) { return name; });
  out += c.device ? fmt::format("    I({0}, {1}) <+ polarity * {2} + gmin * V({0}, {1});\n", c.plus,
                                c.minus, y)
                  : fmt::format("    V({}) <+ {};\n", c.plus, y);
  return out + "  end\nendmodule\n";
}

}  // namespace

std::string verilog_a_text(const std::vector<Circuit>& circuits,
                           const std::vector<std::string>& notes) {
  std::string out = "// modules written by weft export\n";
  for (const std::string& line : notes) out += "// " + line + "\n";
  out += "`include \"disciplines.vams\"\n";
  for (const Circuit& c : circuits) out += "\n" + module(c);
  return out;
}

}  // namespace weft
