// One task of a table's network as a part of a circuit, in scalars and in no language yet (spice.h and
// verilog_a.h write it). In a table with voltages vXY and a current iX as the task's column it is a
// device (device.h): its terminals are the letters, its current flows from X to the terminal that X's
// voltage is measured against, other columns are parameters. Any other task is a function of its columns:
// a terminal each, and one more for its output, as voltages to ground; columns that are seen as their
// logarithm or reciprocal are parameters, as a simulator's voltages pass 0.
//   input   x_j = (f_j(v / scale) - mean_j) / deviation_j       f: none, log, log10, asinh, 1 / v
//   values  y = bias + sum_j a_j x_j, or an expression of others; tanh, silu, softplus, sigmoid, relu
//   output  mean + deviation y, or by the task's target 10^t / m (data/target.h)
// sigmoid(z) = (1 + tanh(z / 2)) / 2 and softplus(z) = max(z, 0) + ln(1 + e^-|z|): no exponential that
// overflows at a bad guess of a simulator's. Values are called weft_..., which no column may be.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/learned.h"
#include "train/export/network.h"
#include "train/run_file/run_file.h"

namespace weft {

struct CircuitVoltage {
  std::string name;         ///< of the value: "weft_x_vgs"
  std::string plus, minus;  ///< terminals; minus empty: ground
};

struct CircuitParameter {
  std::string name, column;  ///< as the file and as the table have it
  double value = 0;          ///< where nobody gives one
};

struct CircuitValue {
  std::string name, layer;
  bool linear = true;
  double bias = 0;
  std::vector<std::pair<double, std::string>> terms;  ///< linear: factor, of which value
  std::string expression;                             ///< otherwise, others as <name>
};

struct Circuit {
  std::string name, task, unit;
  bool device = false;
  std::vector<std::string> terminals;
  std::vector<CircuitVoltage> voltages;  ///< a device's are times its parameter `polarity`
  std::vector<CircuitParameter> parameters;
  std::vector<CircuitValue> values;  ///< of voltages, parameters and earlier values
  std::string output;                ///< an expression; of a device without polarity
  std::string plus, minus;           ///< a device's current flows between; others: plus, to ground
  bool smooth = true;                ///< no relu
};

/// One for each output. ConfigError where the run is on no table, a column is categorical, a task no
/// regression, a node or transform is none that a simulator computes, a device's current is not
/// in A or has two terminals to flow to, a name is taken or two differ by capitals alone. `name`: what
/// the circuits' begin with, an identifier.
std::vector<Circuit> circuits_of(const ExportedNetwork& network, const RunFile& run,
                                 const LearnedFromData& learned, const std::string& name);

/// `expression` with what `written` makes of each <name>.
std::string with_names(const std::string& expression,
                       const std::function<std::string(const std::string&)>& written);

/// Whether a parameter is called so.
bool is_parameter(const Circuit& circuit, const std::string& name);

/// Lines for people: what terminals, parameters and the output are, in which units.
std::vector<std::string> circuit_notes(const Circuit& circuit);

}  // namespace weft
