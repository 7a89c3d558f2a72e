// c_source: weights, kernels that are called, and a call for each node.
#include "train/export/c_source.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "engine/error.h"
#include "io/xxh64.h"
#include "train/export/c_kernels.h"
#include "train/export/c_program.h"
#include "train/export/memory_plan.h"

namespace weft {
namespace {

std::string literal(float v) {
  if (!std::isfinite(v)) throw Error("c export: a weight that is not finite");
  std::string text = fmt::format("{}", v);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

/// A convolution's weight [K, R, S, C / G], or a linear layer's [O, C], as [G][R][S][C / G][K / G].
std::vector<float> in_c_order(const ExportedNode& node, const float* weight) {
  const Tensor& w = node.weights[0];
  const int64_t k_all = w.shape()[0], groups = node.kind == NodeKind::conv ? node.conv.groups : 1;
  const int64_t k_group = k_all / groups, c = w.shape().back(), taps = w.numel() / k_all / c;
  std::vector<float> out;
  out.reserve(static_cast<size_t>(w.numel()));
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t t = 0; t < taps; ++t)
      for (int64_t i = 0; i < c; ++i)
        for (int64_t k = 0; k < k_group; ++k)
          out.push_back(weight[((g * k_group + k) * taps + t) * c + i]);
  return out;
}

/// Of every tensor of weights: where it is in C, and its numbers.
class Weights {
 public:
  Weights(const ExportedNetwork& network, bool blob) : blob_(blob) {
    const std::vector<NamedWeight> named = weights_of(network);
    std::map<const void*, std::string> names;
    for (const NamedWeight& w : named) names[w.value.raw()] = w.name;
    for (const ExportedNode& node : network.nodes)
      for (size_t i = 0; i < node.weights.size(); ++i) {
        const Tensor& w = node.weights[i];
        if (places_.count(w.raw()) > 0) continue;
        const bool product = node.kind == NodeKind::conv || node.kind == NodeKind::linear;
        const auto* data = w.data<float>();
        const std::vector<float> numbers =
            product && i == 0 ? in_c_order(node, data) : std::vector<float>(data, data + w.numel());
        places_[w.raw()] =
            blob ? fmt::format("weights + {}", all_.size()) : fmt::format("w{}", places_.size());
        if (!blob) append(places_[w.raw()], names.at(w.raw()), numbers);
        all_.insert(all_.end(), numbers.begin(), numbers.end());
      }
  }
  const std::string& place(const Tensor& w) const { return places_.at(w.raw()); }
  size_t count() const { return all_.size(); }
  uint64_t sum() const { return xxh64(all_.data(), 4 * all_.size()); }

  /// The definitions in the source.
  std::string text(const std::string& name) const {
    if (!blob_) return text_;
    return fmt::format(
        "\n#define WORDS {0}\nstatic const float *weights;\n\n"
        "int {1}_load(const void *blob, size_t bytes) {{\n"
        "  uint32_t sum[2];\n"
        "  if (bytes != 4 * (size_t)(WORDS + 2) || (uintptr_t)blob % sizeof(float) != 0) return "
        "1;\n"
        "  memcpy(sum, blob, sizeof sum);\n"
        "  if (sum[0] != UINT32_C({2}) || sum[1] != UINT32_C({3})) return 2;\n"
        "  weights = (const float *)blob + 2;\n"
        "  return 0;\n}}\n",
        all_.size(), name, static_cast<uint32_t>(sum()), static_cast<uint32_t>(sum() >> 32));
  }
  std::string blob() const {
    std::string out;
    if (!blob_) return out;
    out.resize(8 + 4 * all_.size());
    const auto put = [&](size_t at, uint32_t word) {
      for (size_t byte = 0; byte < 4; ++byte) out[at + byte] = static_cast<char>(word >> 8 * byte);
    };
    put(0, static_cast<uint32_t>(sum()));
    put(4, static_cast<uint32_t>(sum() >> 32));
    for (size_t i = 0; i < all_.size(); ++i) {
      uint32_t word;
      std::memcpy(&word, &all_[i], 4);
      put(8 + 4 * i, word);
    }
    return out;
  }

 private:
  void append(const std::string& place, const std::string& name,
              const std::vector<float>& numbers) {
    text_ += fmt::format("\n/* {} */\nstatic const float {}[{}] = {{", c_comment(name), place,
                         numbers.size());
    for (size_t i = 0; i < numbers.size(); ++i)
      text_ +=
          (i % 8 == 0 ? "\n    " : " ") + literal(numbers[i]) + (i + 1 < numbers.size() ? "," : "");
    text_ += "};\n";
  }

  bool blob_;
  std::map<const void*, std::string> places_;
  std::vector<float> all_;
  std::string text_;
};

class Writer {
 public:
  Writer(const ExportedNetwork& network, const CSourceOptions& options)
      : network_(network),
        options_(options),
        plan_(plan_memory(network)),
        weights_(network, options.blob) {}

  CSource files() const {
    CParts parts;
    std::set<std::string> kernels;
    std::string code;
    for (size_t i = 0; i < network_.nodes.size(); ++i) {
      const NodeKind kind = network_.nodes[i].kind;
      const bool computed = kind != NodeKind::input;
      if (computed && kernels.insert(c_kernel_name(kind)).second) code += c_kernel(kind);
      parts.calls.push_back(computed ? call(static_cast<int>(i)) : "");
    }
    const std::vector<std::string> ids = c_task_names(network_, options_);
    for (size_t k = 0; k < ids.size(); ++k) {
      const int out = network_.outputs[k].node;
      parts.outputs.push_back(fmt::format("memcpy(out_{}, {}, {} * sizeof(float));", ids[k],
                                          at(out), node(out).shape.numel()));
    }
    if (code.find("expf(") != std::string::npos || code.find("tanhf(") != std::string::npos ||
        code.find("erff(") != std::string::npos)
      parts.includes += "#include <math.h>\n";
    if (options_.blob) parts.includes += "#include <stdint.h>\n";
    parts.definitions = weights_.text(options_.name);
    parts.definitions +=
        fmt::format("\nstatic float memory[{}];\n", std::max<int64_t>(1, plan_.floats)) + code;
    parts.memory_bytes = 4 * plan_.floats;
    parts.weight_bytes = 4 * static_cast<int64_t>(weights_.count());
    CSource out = c_program(network_, options_, parts);
    out.blob = weights_.blob();
    return out;
  }

 private:
  const ExportedNode& node(int i) const { return network_.nodes.at(static_cast<size_t>(i)); }
  std::string at(int i) const {
    return i == 0 ? "input" : fmt::format("memory + {}", plan_.offset.at(static_cast<size_t>(i)));
  }

  /// The statement that computes node i.
  std::string call(int i) const {
    const ExportedNode& n = node(i);
    const std::string kernel = c_kernel_name(n.kind), y = at(i), x = at(n.inputs[0]);
    const Shape &in = node(n.inputs[0]).shape, &out = n.shape;
    const auto weight = [&](size_t w) { return weights_.place(n.weights.at(w)); };
    switch (n.kind) {
      case NodeKind::conv:
      case NodeKind::linear: {
        const bool conv = n.kind == NodeKind::conv;
        const Shape& w = n.weights[0].shape();
        const Conv2dOptions& o = n.conv;  // of a linear layer the defaults: 1 x 1
        return fmt::format(
            "    {}({}, {}, {}, {},\n              &(const weft_conv_shape){{{}, {}, {}, {}, {}, "
            "{}, "
            "{}, {}, {}, {}, {}, {}, {}, {}, {}}});\n",
            kernel, x, weight(0), n.weights.size() > 1 ? weight(1) : "NULL", y, in[0], in[1], in[2],
            out[0], out[1], out[2], conv ? w[1] : 1, conv ? w[2] : 1, o.stride.h, o.stride.w,
            o.padding.h, o.padding.w, o.dilation.h, o.dilation.w, o.groups);
      }
      case NodeKind::max_pool:
        return fmt::format(
            "    {}({}, {}, &(const weft_pool_shape){{{}, {}, {}, {}, {}, {}, {}, {}}});\n", kernel,
            x, y, in[0], in[1], in[2], out[0], out[1], n.pool.kernel, n.pool.stride,
            n.pool.padding);
      case NodeKind::affine:
        return fmt::format("    {}({}, {}, {}, {}, {}, {});\n", kernel, x, weight(0), weight(1), y,
                           out[0] * out[1], out[2]);
      case NodeKind::weighted_sum: {
        std::string maps;
        for (int from : n.inputs) maps += (maps.empty() ? "" : ", ") + at(from);
        return fmt::format("    {}({}, (const float *const[]){{{}}}, {}, {}, {});\n", kernel,
                           n.inputs.size(), maps, weight(0), y, out.numel());
      }
      case NodeKind::add:
      case NodeKind::mul:
        return fmt::format("    {}({}, {}, {}, {});\n", kernel, x, at(n.inputs[1]), y, out.numel());
      case NodeKind::mean:
        return fmt::format("    {}({}, {}, {}, {});\n", kernel, x, y, in[0] * in[1], in[2]);
      case NodeKind::slice:
        return fmt::format("    {}({} + {}, {}, {}, {}, {}, {});\n", kernel, x, n.begin, in[2], y,
                           out[2], out[0] * out[1], out[2]);
      case NodeKind::embedding:
        return fmt::format("    {}({}, {}, {}, {}, {}, {});\n", kernel, x, weight(0), y, out[1],
                           n.weights[0].shape()[0], out[2]);
      case NodeKind::top_k:
        return fmt::format("    {}({}, {}, {}, {}, {});\n", kernel, x, y, in[1], in[2], n.k);
      case NodeKind::concat: {
        std::string text;
        int64_t begin = 0;
        for (int from : n.inputs) {
          const int64_t channels = node(from).shape[2];
          text += fmt::format("    {}({}, {}, {} + {}, {}, {}, {});\n", kernel, at(from), channels,
                              y, begin, out[2], out[0] * out[1], channels);
          begin += channels;
        }
        return text;
      }
      default:
        return fmt::format("    {}({}, {}, {});\n", kernel, x, y, out.numel());
    }
  }

  const ExportedNetwork& network_;
  const CSourceOptions& options_;
  MemoryPlan plan_;
  Weights weights_;
};

}  // namespace

CSource c_source(const ExportedNetwork& network, const CSourceOptions& options) {
  if (const int64_t bytes = cost_of(network).bytes(); !options.blob && bytes > most_array_bytes)
    throw ConfigError(
        fmt::format("export: {} MB of weights are more than a compiler takes as arrays (up to {}); "
                    "--blob puts them in a file beside the source",
                    bytes / 1'000'000, most_array_bytes / 1'000'000));
  return Writer(network, options).files();
}

}  // namespace weft
