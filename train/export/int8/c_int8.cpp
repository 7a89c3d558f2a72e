// c_source of an int8 network: its arrays, and a call for each node.
#include "train/export/int8/c_int8.h"

#include <algorithm>
#include <set>

#include "engine/error.h"
#include "train/export/c_program.h"
#include "train/export/int8/c_int8_kernels.h"
#include "train/export/memory_plan.h"

namespace weft {
namespace {

/// In all its digits; an f32.
std::string literal(float v) {
  std::string text = fmt::format("{}", v);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}
std::string literal(int64_t v) { return fmt::format("INT64_C({})", v); }
template <class T>
std::string literal(T v) {
  return fmt::format("{}", static_cast<int64_t>(v));
}

class Writer {
 public:
  Writer(const Int8Network& net, const CSourceOptions& options)
      : net_(net),
        nodes_(net.network.nodes),
        options_(options),
        ids_(c_task_names(net.network, options)) {
    std::vector<int64_t> sizes;
    for (size_t i = 0; i < nodes_.size(); ++i)
      sizes.push_back(net.nodes[i].f32 ? 0 : nodes_[i].shape.numel());
    plan_ = plan_memory(net.network, sizes);
  }

  CSource files() {
    CParts parts;
    const auto entry = static_cast<size_t>(net_.entry);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      std::string text = i < entry ? "" : i == entry ? enter(i) : call(i);
      parts.calls.push_back(text);
    }
    for (size_t k = 0; k < ids_.size(); ++k) parts.outputs.push_back(leave(k));
    parts.includes = "#include <stdint.h>\n";
    parts.definitions =
        arrays_ + fmt::format("\nstatic int8_t memory[{}];\n", std::max<int64_t>(1, plan_.floats));
    parts.memory_bytes = plan_.floats;
    const bool sums = most_outputs_ > 0;
    if (sums) {
      parts.definitions += fmt::format(
          "static int32_t sums[{}]; /* of four pixels */\nstatic int16_t patch[4][{}];\n",
          4 * most_outputs_, most_inputs_);
      parts.memory_bytes += 16 * most_outputs_ + 8 * most_inputs_;
    }
    parts.definitions += int8_common() + (sums ? int8_sums() : "") + code_;
    parts.weight_bytes = bytes_;
    return c_program(net_.network, options_, parts);
  }

 private:
  std::string at(size_t i) const { return fmt::format("memory + {}", plan_.offset[i]); }
  const Quantisation& q(size_t i) const { return net_.nodes[i].q; }
  size_t from(size_t i, size_t j = 0) const { return static_cast<size_t>(nodes_[i].inputs[j]); }

  /// Once each.
  void need(const std::string& name, const std::string& text) {
    if (kernels_.insert(name).second) code_ += text;
  }

  template <class T>
  std::string array(const std::string& type, const std::string& what,
                    const std::vector<T>& values) {
    const std::string name = fmt::format("w{}", arrays_made_++);
    arrays_ += fmt::format("\n/* {} */\nstatic const {} {}[{}] = {{", c_comment(what), type, name,
                           values.size());
    for (size_t i = 0; i < values.size(); ++i)
      arrays_ +=
          (i % 16 == 0 ? "\n    " : " ") + literal(values[i]) + (i + 1 < values.size() ? "," : "");
    arrays_ += "};\n";
    bytes_ += static_cast<int64_t>(values.size() * sizeof(T));
    return name;
  }

  std::string enter(size_t i) {
    const ExportedNode& n = nodes_[i];
    need("weft_enter", int8_entry(n.kind));
    if (n.kind == NodeKind::input)
      return fmt::format("    weft_enter(input, {}, {}, {}, {});\n", literal(q(i).scale), q(i).zero,
                         at(i), n.shape.numel());
    std::string normalised;
    for (const Tensor& w : n.weights) {
      const auto* v = w.data<float>();
      normalised += ", " + array("float", n.name, std::vector<float>(v, v + w.numel()));
    }
    return fmt::format("    weft_enter(input{}, {}, {}, {}, {}, {});\n", normalised,
                       literal(q(i).scale), q(i).zero, at(i), n.shape[0] * n.shape[1], n.shape[2]);
  }

  std::string leave(size_t k) {
    const auto i = static_cast<size_t>(net_.network.outputs[k].node);
    if (net_.nodes[i].f32) return "";
    need("weft_leave", int8_exit());
    return fmt::format("weft_leave({}, {}, {}, out_{}, {});", at(i), literal(q(i).scale), q(i).zero,
                       ids_[k], nodes_[i].shape.numel());
  }

  std::string product(size_t i) {
    const ExportedNode& n = nodes_[i];
    const bool conv = n.kind == NodeKind::conv;
    const Shape &in = nodes_[from(i)].shape, &out = n.shape, &w = n.weights[0].shape();
    most_outputs_ = std::max(most_outputs_, out[2]);
    most_inputs_ = std::max(most_inputs_, w.inner(1));
    const Conv2dOptions& o = n.conv;  // of a linear layer the defaults: 1 x 1
    std::string& weight = weights_[n.weights[0].raw()];
    if (weight.empty()) weight = array("int8_t", n.name, net_.weight(i).values);
    const std::string shape = fmt::format(
        "&(const weft_conv_shape){{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, "
        "{}}}",
        in[0], in[1], in[2], out[0], out[1], out[2], conv ? w[1] : 1, conv ? w[2] : 1, o.stride.h,
        o.stride.w, o.padding.h, o.padding.w, o.dilation.h, o.dilation.w, o.groups,
        q(from(i)).zero);
    const std::string bias = array("int32_t", n.name + ": bias", net_.nodes[i].bias);
    if (!net_.nodes[i].f32) {
      std::vector<int32_t> factors;
      std::vector<uint8_t> shifts;
      for (const Multiplier& m : product_multipliers(net_, i)) {
        factors.push_back(m.factor);
        shifts.push_back(static_cast<uint8_t>(m.shift));
      }
      const std::string factor = array("int32_t", n.name + ": factors", factors);
      return fmt::format("    weft_conv({}, {}, {}, {}, {}, {}, {},\n              {});\n",
                         at(from(i)), weight, bias, factor,
                         array("uint8_t", n.name + ": shifts", shifts), q(i).zero, at(i), shape);
    }
    const std::string scale = array("float", n.name + ": scales", product_scales(net_, i));
    std::string text;
    for (size_t k = 0; k < ids_.size(); ++k)
      if (net_.network.outputs[k].node == static_cast<int>(i))
        text += fmt::format(
            "    if (out_{0})\n      weft_conv_f32({1}, {2}, {3}, {4}, out_{0},\n                  "
            "  {5});\n",
            ids_[k], at(from(i)), weight, bias, scale, shape);
    return text;
  }

  std::string call(size_t i) {
    const ExportedNode& n = nodes_[i];
    const Int8Node& node = net_.nodes[i];
    if (node.same_step)  // in place
      return plan_.offset[i] == plan_.offset[from(i)]
                 ? ""
                 : fmt::format("    memcpy({}, {}, {});\n", at(i), at(from(i)), n.shape.numel());
    const std::string kernel = int8_kernel_name(n.kind, node.f32);
    need(kernel, int8_kernel(n.kind, node.f32));
    const Shape &in = nodes_[from(i)].shape, &out = n.shape;
    const std::string x = at(from(i)), y = at(i);
    const int32_t zero = q(i).zero, zero_x = q(from(i)).zero;
    switch (n.kind) {
      case NodeKind::conv:
      case NodeKind::linear:
        return product(i);
      case NodeKind::affine: {
        const Multipliers m = sum_multipliers(net_, i);
        const std::string factor = array("int32_t", n.name + ": factors", m.factors);
        return fmt::format("    {}({}, {}, {}, {}, {}, {}, {}, {}, {});\n", kernel, x, zero_x,
                           factor, array("int64_t", n.name + ": offsets", m.offsets), m.shift, zero,
                           y, out[0] * out[1], out[2]);
      }
      case NodeKind::add:
      case NodeKind::weighted_sum: {
        const Multipliers m = sum_multipliers(net_, i);
        std::vector<std::string> maps;
        std::vector<int32_t> zeros;
        for (size_t j = 0; j < n.inputs.size(); ++j) {
          maps.push_back(at(from(i, j)));
          zeros.push_back(q(from(i, j)).zero);
        }
        return fmt::format(
            "    {}({}, (const int8_t *const[]){{{}}}, (const int[]){{{}}},\n             (const "
            "int32_t[]){{{}}}, {}, "
            "{}, {}, {});\n",
            kernel, n.inputs.size(), fmt::join(maps, ", "), fmt::join(zeros, ", "),
            fmt::join(m.factors, ", "), m.shift, zero, y, out.numel());
      }
      case NodeKind::mul: {
        const Multiplier m = node_multiplier(net_, i);
        return fmt::format("    {}({}, {}, {}, {}, {}, {}, {}, {}, {});\n", kernel, x, zero_x,
                           at(from(i, 1)), q(from(i, 1)).zero, m.factor, m.shift, zero, y,
                           out.numel());
      }
      case NodeKind::max_pool:
        return fmt::format(
            "    {}({}, {}, &(const weft_pool_shape){{{}, {}, {}, {}, {}, {}, {}, {}}});\n", kernel,
            x, y, in[0], in[1], in[2], out[0], out[1], n.pool.kernel, n.pool.stride,
            n.pool.padding);
      case NodeKind::mean: {
        const Multiplier m = node_multiplier(net_, i);
        return fmt::format("    {}({}, {}, {}, {}, {}, {}, {}, {});\n", kernel, x, zero_x, m.factor,
                           m.shift, zero, y, in[0] * in[1], in[2]);
      }
      case NodeKind::slice:
        return fmt::format("    {}({} + {}, {}, {}, {}, {});\n", kernel, x, n.begin, in[2], y,
                           out[0] * out[1], out[2]);
      case NodeKind::concat: {
        const Multipliers m = sum_multipliers(net_, i);
        std::string text;
        int64_t begin = 0;
        for (size_t j = 0; j < n.inputs.size(); ++j) {
          const int64_t channels = nodes_[from(i, j)].shape[2];
          text += fmt::format("    {}({}, {}, {}, {}, {}, {} + {}, {}, {}, {});\n", kernel,
                              at(from(i, j)), q(from(i, j)).zero, m.factors[j], m.shift, zero, y,
                              begin, out[2], out[0] * out[1], channels);
          begin += channels;
        }
        return text;
      }
      default:
        return fmt::format(
            "    {}({}, {}, {}, {});\n", kernel, x,
            array("int8_t", n.name + ": " + name_of(n.kind), function_table(net_, i)), y,
            out.numel());
    }
  }

  const Int8Network& net_;
  const std::vector<ExportedNode>& nodes_;
  const CSourceOptions& options_;
  std::vector<std::string> ids_;
  MemoryPlan plan_;  ///< in bytes
  std::string arrays_, code_;
  std::set<std::string> kernels_;
  std::map<const void*, std::string> weights_;  ///< names of arrays
  int arrays_made_ = 0;
  int64_t bytes_ = 0;
  int64_t most_outputs_ = 0, most_inputs_ = 0;  ///< of a convolution's or linear layer's pixel
};

}  // namespace

void check_int8_source(const ExportedNetwork& network, const CSourceOptions& options) {
  if (options.blob)
    throw ConfigError(
        "--blob: of --quantise the weights are arrays, a quarter as large; leave it out");
  c_task_names(network, options);
  int64_t bytes = 0;
  for (const NamedWeight& w : weights_of(network))
    if (w.value.shape().rank() > 1) bytes += w.value.numel();  // no bias or scale: those stay wide
  if (bytes > most_array_bytes)
    throw ConfigError(fmt::format(
        "export: {} MB of int8 weights are more than a compiler takes as arrays (up to {}); "
        "--format onnx has room",
        bytes / 1'000'000, most_array_bytes / 1'000'000));
}

CSource c_source(const Int8Network& network, const CSourceOptions& options) {
  check_int8_source(network.network, options);
  return Writer(network, options).files();
}

}  // namespace weft
