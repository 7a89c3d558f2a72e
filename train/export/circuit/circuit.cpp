// circuits_of: names first, then inputs, then node by node, channel by channel.
#include "train/export/circuit/circuit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "data/target.h"
#include "engine/error.h"
#include "train/export/c_source.h"
#include "train/export/circuit/measured_device.h"
#include "train/export/circuit/reserved.h"
#include "train/export/fold.h"

namespace weft {
namespace {

constexpr double ln10 = 2.302585092994046;

/// What names of the circuit's own begin with, and no column's: nodes and variables.
constexpr const char* own = "weft_";

/// The name in the file of `column`, or of a task; ConfigError where another one, or a part of the
/// circuit, has it. `what`: "column 'vgs'"
std::string free_name(const std::string& what, const std::string& column,
                      std::set<std::string>& taken) {
  std::string name = c_identifier(column);
  if (lower_case(name).rfind(own, 0) == 0)
    throw ConfigError(fmt::format(
        "export: {} begins as the circuit's own names do, with {}: call it something else", what,
        own));
  if (is_reserved(name)) name += "_";
  if (!taken.insert(lower_case(name)).second)
    throw ConfigError(
        fmt::format("export: {} would be called {}, as another is: circuits tell no capitals apart",
                    what, name));
  return name;
}

std::string number(double v) { return fmt::format("{:.17g}", v); }

/// x^power as a chain of products, or by pow.
std::string times_power(const std::string& x, double power) {
  if (power != std::floor(power) || std::abs(power) > 8)
    return fmt::format("*pow({},{})", x, number(power));
  std::string text;
  for (int i = 0; i < std::abs(power); ++i) text += (power > 0 ? "*" : "/") + x;
  return text;
}

class Maker {
 public:
  Maker(const ExportedNetwork& network, const LearnedFromData& learned, const TaskSpec& spec,
        const LearnedTask& labels, const std::string& name)
      : network_(network), learned_(learned), spec_(spec), labels_(labels) {
    out_.name = name + "_" + c_identifier(spec.name);
    out_.task = spec.name;
    out_.unit = spec.unit;
    if (is_reserved(out_.name))
      throw ConfigError(fmt::format(
          "export: task '{}' would be called {}, which is a word of Verilog-A's: --name says "
          "another beginning",
          spec.name, out_.name));
    if (spec.kind != TaskKind::regression)
      throw ConfigError(
          fmt::format("export: task '{}' is a {} task, and a circuit computes numbers: regression "
                      "alone; --task names those",
                      spec.name, name_of(spec.kind)));
    for (const LearnedColumn& column : learned.columns)
      if (column.categorical)
        throw ConfigError(fmt::format(
            "export: column '{}' holds words, which no terminal or parameter of a circuit is",
            column.name));
    if (!spec.target.empty())
      target_ = parse_target(spec.target, spec.column, "task." + spec.name + ".target");
  }

  Circuit make() {
    find_device();
    for (const LearnedColumn& column : learned_.columns) add_column(column);
    for (const auto& [column, power] : target_.m.powers)
      if (names_.count(column) == 0) add_parameter(column, 1);
    for (size_t i = 0; i < network_.nodes.size(); ++i) add_node(i);
    add_output();
    return std::move(out_);
  }

 private:
  void find_device() {
    device_ = measured_device(learned_, spec_);
    if (!device_) return;
    out_.device = true;
    out_.terminals = device_->terminals;
    out_.plus = device_->plus;
    out_.minus = device_->minus;
    taken_.insert(out_.terminals.begin(), out_.terminals.end());
  }

  void add_column(const LearnedColumn& column) {
    const bool voltage = !device_ || device_->voltages.count(column.name) > 0;
    const bool any_sign =
        column.transform == Transform::none || column.transform == Transform::asinh;
    if (!voltage || (!device_ && !any_sign)) {
      const double x = preimage(column) * scale_of(column);
      return add_parameter(column.name, std::isfinite(x) ? x : 1);
    }
    if (!any_sign)
      throw ConfigError(fmt::format(
          "export: column '{}' is seen as its {}, which a voltage that may pass 0 has not; asinh "
          "is there for voltages",
          column.name, name_of(column.transform)));
    const std::string name =
        free_name(fmt::format("column '{}'", column.name), column.name, taken_);
    const std::string value = fmt::format("{}x_{}", own, name);
    if (device_) {
      const auto& [plus, minus] = device_->voltages.at(column.name);
      out_.voltages.push_back({value, plus, minus});
    } else {
      out_.terminals.push_back(name);
      out_.voltages.push_back({value, name, ""});
    }
    names_[column.name] = value;
  }

  void add_parameter(const std::string& column, double value) {
    const std::string name = free_name(fmt::format("column '{}'", column), column, taken_);
    out_.parameters.push_back({name, column, value});
    names_[column] = name;
  }

  double scale_of(const LearnedColumn& column) const {
    return column.scale * (column.by_task ? spec_.input_scale : 1);
  }

  /// x / scale of the training rows' mean; 1 where none was learned.
  static double preimage(const LearnedColumn& column) {
    const bool learned = column.mean != 0 || column.deviation != 1;
    if (!learned) return 1;
    switch (column.transform) {
      case Transform::none:
        return column.mean;
      case Transform::log:
        return std::exp(column.mean);
      case Transform::log10:
        return std::pow(10.0, column.mean);
      case Transform::asinh:
        return std::sinh(column.mean);
      case Transform::reciprocal:
        return 1 / column.mean;
    }
    return 1;
  }

  /// What the network sees of a column.
  std::string seen(const LearnedColumn& column) const {
    if (column.deviation == 0) return "0";  // it was the same in all rows
    const std::string raw = "<" + names_.at(column.name) + ">";
    const double scale = scale_of(column);
    std::string x = scale == 1 ? raw : fmt::format("{}/{}", raw, number(scale));
    if (column.transform == Transform::log) x = fmt::format("ln({})", x);
    if (column.transform == Transform::log10) x = fmt::format("ln({})/{}", x, number(ln10));
    if (column.transform == Transform::asinh) x = fmt::format("asinh({})", x);
    if (column.transform == Transform::reciprocal) x = fmt::format("{}/{}", number(scale), raw);
    if (column.mean != 0) x = fmt::format("({}-({}))", x, number(column.mean));
    return column.deviation == 1 ? x : fmt::format("{}/{}", x, number(column.deviation));
  }

  CircuitValue& value(size_t node, size_t channel) {
    CircuitValue v;
    v.name = fmt::format("{}n{}_{}", own, node, channel);
    v.layer = network_.nodes[node].name;
    channels_[node].push_back(v.name);
    out_.values.push_back(std::move(v));
    return out_.values.back();
  }
  void expression(size_t node, size_t channel, std::string text) {
    CircuitValue& v = value(node, channel);
    v.linear = false;
    v.expression = std::move(text);
  }

  static std::string function_of(NodeKind kind, const std::string& z) {
    switch (kind) {
      case NodeKind::tanh:
        return fmt::format("tanh({})", z);
      case NodeKind::sigmoid:
        return fmt::format("0.5+0.5*tanh(0.5*{})", z);
      case NodeKind::silu:
        return fmt::format("{0}*(0.5+0.5*tanh(0.5*{0}))", z);
      case NodeKind::softplus:
        return fmt::format("max({0},0)+ln(1+exp(-abs({0})))", z);
      case NodeKind::relu:
        return fmt::format("max({},0)", z);
      default:
        throw Error("circuit: no function");
    }
  }

  void add_node(size_t i) {
    const ExportedNode& node = network_.nodes[i];
    channels_.emplace_back();
    const auto count = static_cast<size_t>(node.shape[2]);
    const auto from = [&](size_t k) -> const std::vector<std::string>& {
      return channels_.at(static_cast<size_t>(node.inputs.at(k)));
    };
    const auto weight = [&](size_t w, size_t at) -> double {
      return node.weights.at(w).data<float>()[at];
    };
    switch (node.kind) {
      case NodeKind::input:
        if (count != learned_.columns.size())
          throw Error("circuit: the network's input is not the table's columns");
        for (size_t c = 0; c < count; ++c) expression(i, c, seen(learned_.columns[c]));
        return;
      case NodeKind::linear:
        for (size_t c = 0; c < count; ++c) {
          CircuitValue& v = value(i, c);
          if (node.weights.size() > 1) v.bias = weight(1, c);
          const auto& x = from(0);
          for (size_t j = 0; j < x.size(); ++j)
            if (const double w = weight(0, c * x.size() + j); w != 0) v.terms.emplace_back(w, x[j]);
        }
        return;
      case NodeKind::affine:
        for (size_t c = 0; c < count; ++c) {
          CircuitValue& v = value(i, c);
          v.bias = weight(1, c);
          v.terms.emplace_back(weight(0, c), from(0)[c]);
        }
        return;
      case NodeKind::add:
      case NodeKind::weighted_sum:
        for (size_t c = 0; c < count; ++c) {
          CircuitValue& v = value(i, c);
          for (size_t k = 0; k < node.inputs.size(); ++k)
            v.terms.emplace_back(node.kind == NodeKind::add ? 1 : weight(0, k), from(k)[c]);
        }
        return;
      case NodeKind::mul:
        for (size_t c = 0; c < count; ++c)
          expression(i, c, fmt::format("<{}>*<{}>", from(0)[c], from(1)[c]));
        return;
      case NodeKind::concat:
        for (size_t k = 0; k < node.inputs.size(); ++k)
          channels_[i].insert(channels_[i].end(), from(k).begin(), from(k).end());
        return;
      case NodeKind::slice:
        for (size_t c = 0; c < count; ++c)
          channels_[i].push_back(from(0).at(static_cast<size_t>(node.begin) + c));
        return;
      case NodeKind::relu:
        out_.smooth = false;
        [[fallthrough]];
      case NodeKind::sigmoid:
      case NodeKind::tanh:
      case NodeKind::silu:
      case NodeKind::softplus:
        for (size_t c = 0; c < count; ++c)
          expression(i, c, function_of(node.kind, "<" + from(0)[c] + ">"));
        return;
      default:
        throw ConfigError(fmt::format(
            "export: {} ({}) is nothing that simulators of circuits compute{}", node.name,
            name_of(node.kind),
            node.kind == NodeKind::gelu ? ", which have no erf; silu, tanh and softplus they do"
                                        : ""));
    }
  }

  void add_output() {
    const auto node = static_cast<size_t>(network_.outputs.at(0).node);
    CircuitValue t;
    t.name = fmt::format("{}t", own);
    t.layer = "output of task " + spec_.name;
    t.bias = labels_.mean;
    t.terms.emplace_back(labels_.deviation, channels_.at(node).at(0));
    out_.values.push_back(t);
    out_.output = "<" + t.name + ">";
    if (!spec_.target.empty()) {
      // Beyond 1e30 there is no current, but there are bad guesses, which have to stay numbers.
      if (target_.log10) out_.output = fmt::format("exp({}*min(<{}>,30))", number(ln10), t.name);
      if (target_.m.factor != 1) out_.output += "/" + number(target_.m.factor);
      for (const auto& [column, power] : target_.m.powers) {
        const std::string name = names_.at(column);
        const bool steep = power > 0 || power != std::floor(power);
        if (steep && !is_parameter(out_, name))
          throw ConfigError(
              fmt::format("export: task '{}' divides by column '{}' or has its root ({}), and a "
                          "voltage may pass 0",
                          spec_.name, column, spec_.target));
        out_.output += times_power("<" + name + ">", -power);
      }
    }
    if (out_.device) return;
    out_.plus = free_name(fmt::format("task '{}'", spec_.name), spec_.name, taken_);
    out_.terminals.push_back(out_.plus);
  }

  const ExportedNetwork& network_;
  const LearnedFromData& learned_;
  const TaskSpec& spec_;
  const LearnedTask& labels_;
  Target target_;
  Circuit out_;
  std::optional<MeasuredDevice> device_;
  std::set<std::string> taken_;                     ///< in small letters
  std::map<std::string, std::string> names_;        ///< of columns: of their values
  std::vector<std::vector<std::string>> channels_;  ///< of nodes: their values
};

}  // namespace

std::vector<Circuit> circuits_of(const ExportedNetwork& network, const RunFile& run,
                                 const LearnedFromData& learned, const std::string& name) {
  if (learned.columns.empty())
    throw ConfigError(
        "export: a circuit has voltages and numbers, so spice and verilog-a are of networks on "
        "tables (model.trunk = \"mlp\"), and this run is on pictures or texts");
  if (c_identifier(name) != name)
    throw ConfigError(fmt::format(
        "export: '{}' is no name for circuits: letters, digits and _, no digit first", name));
  std::vector<Circuit> out;
  std::set<std::string> names;
  for (const ExportedOutput& o : network.outputs)
    for (size_t k = 0; k < run.tasks.size(); ++k) {
      if (run.tasks[k].name != o.task) continue;
      const ExportedNetwork alone = only_tasks(network, {o.task});
      out.push_back(Maker(alone, learned, run.tasks[k], learned.tasks.at(k), name).make());
      if (!names.insert(lower_case(out.back().name)).second)
        throw ConfigError(fmt::format("export: task '{}' would be called {}, as another is", o.task,
                                      out.back().name));
    }
  return out;
}

}  // namespace weft
