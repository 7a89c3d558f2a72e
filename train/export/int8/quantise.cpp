// quantised: which nodes share steps, weights by channel, biases; and the factors between scales.
#include "train/export/int8/quantise.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace weft {
namespace {

constexpr double most_bias = 1073741824.0;  ///< 2^30: half of int32, the other for the sum

bool is_product(NodeKind kind) { return kind == NodeKind::conv || kind == NodeKind::linear; }

/// Nodes that round to steps of their own, to whichever they are told.
bool rounds(NodeKind kind) {
  return is_product(kind) || kind == NodeKind::affine || kind == NodeKind::weighted_sum ||
         kind == NodeKind::add || kind == NodeKind::mul || kind == NodeKind::mean ||
         kind == NodeKind::concat;
}

[[noreturn]] void refuse(const ExportedNode& node, const std::string& why) {
  throw ConfigError(
      fmt::format("export: {} ({}) cannot be int8: {}; leave --quantise out, or export "
                  "other tasks alone with --task",
                  node.name, name_of(node.kind), why));
}

class Quantiser {
 public:
  Quantiser(const ExportedNetwork& network, const std::vector<Range>& ranges, bool normalised) {
    out_.network = network;
    out_.nodes.resize(network.nodes.size());
    out_.entry = normalised ? 1 : 0;
    if (ranges.size() != network.nodes.size())
      throw Error("quantised: a range is needed for every node");
    find_readers();
    steps(ranges);
    weights();
    for (size_t i = 0; i < network.nodes.size(); ++i)
      if (is_int8_product(i)) out_.nodes[i].bias = bias(i);
  }
  Int8Network finish() { return std::move(out_); }

 private:
  const ExportedNode& node(size_t i) const { return out_.network.nodes[i]; }
  size_t input(size_t i, size_t j = 0) const { return static_cast<size_t>(node(i).inputs.at(j)); }
  bool is_int8_product(size_t i) const {
    return is_product(node(i).kind) && static_cast<int>(i) > out_.entry;
  }

  void find_readers() {
    readers_.resize(out_.nodes.size());
    for (size_t i = 0; i < out_.nodes.size(); ++i)
      for (const int from : node(i).inputs) readers_[static_cast<size_t>(from)].push_back(i);
    is_output_.resize(out_.nodes.size());
    for (const ExportedOutput& o : out_.network.outputs)
      is_output_[static_cast<size_t>(o.node)] = true;
  }

  /// Whether relu i is done by the clamp of the node before.
  bool is_clamp(size_t i) const {
    if (node(i).kind != NodeKind::relu) return false;
    const size_t from = input(i);
    return static_cast<int>(from) > out_.entry && rounds(node(from).kind) &&
           readers_[from].size() == 1 && !is_output_[from];
  }

  void steps(const std::vector<Range>& ranges) {
    for (size_t i = 0; i < out_.nodes.size(); ++i) {
      Int8Node& q = out_.nodes[i];
      if (!std::isfinite(ranges[i].low) || !std::isfinite(ranges[i].high))
        refuse(node(i), "its values on the calibration's images are not finite");
      q.f32 = static_cast<int>(i) < out_.entry ||
              (is_int8_product(i) && readers_[i].empty() && is_output_[i]);
      q.q = quantisation_of(ranges[i].low, ranges[i].high);
      if (node(i).kind == NodeKind::max_pool || node(i).kind == NodeKind::slice)
        q.q = out_.nodes[input(i)].q;
      if (is_clamp(i)) {
        q.q = quantisation_of(0, ranges[i].high);
        q.same_step = true;
        out_.nodes[input(i)].q = q.q;
      }
    }
  }

  /// |w| of channel k at most 127 steps, and its bias, in steps of s_x s_k, at most 2^30.
  void weights() {
    for (size_t i = 0; i < out_.nodes.size(); ++i) {
      if (!is_int8_product(i)) continue;
      const Tensor& w = node(i).weights[0];
      const auto channels = static_cast<size_t>(w.shape()[0]);
      std::vector<double>& most = most_[w.raw()];
      most.resize(channels);
      const double step = static_cast<double>(out_.nodes[input(i)].q.scale);
      const std::vector<double> v = w.to_vector();
      const size_t each = v.size() / channels;
      for (size_t j = 0; j < v.size(); ++j) {
        if (!std::isfinite(v[j])) refuse(node(i), "a weight is not finite");
        most[j / each] = std::max(most[j / each], std::abs(v[j]));
      }
      if (node(i).weights.size() < 2) continue;
      const std::vector<double> b = node(i).weights[1].to_vector();
      for (size_t k = 0; k < channels; ++k) {
        if (!std::isfinite(b[k])) refuse(node(i), "a bias is not finite");
        most[k] = std::max(most[k], 127 * std::abs(b[k]) / (step * most_bias));
      }
    }
    for (size_t i = 0; i < out_.nodes.size(); ++i) {
      if (!is_int8_product(i)) continue;
      const Tensor& w = node(i).weights[0];
      const auto [place, fresh] = out_.weights.try_emplace(w.raw());
      if (!fresh) continue;
      for (const double m : most_.at(w.raw())) {
        const auto scale = static_cast<float>(m / 127);
        place->second.scale.push_back(scale > 1e-30F ? scale : 1.0F);
      }
      const std::vector<double> v = w.to_vector();
      const size_t each = v.size() / place->second.scale.size();
      for (size_t j = 0; j < v.size(); ++j) {
        const double q = std::nearbyint(v[j] / static_cast<double>(place->second.scale[j / each]));
        place->second.values.push_back(static_cast<int8_t>(std::clamp(q, -127.0, 127.0)));
      }
    }
  }

  std::vector<int32_t> bias(size_t i) const {
    const Int8Weight& w = out_.weight(i);
    const size_t channels = w.scale.size(), each = w.values.size() / channels;
    std::vector<int32_t> out(channels);
    for (size_t k = 0; k < channels; ++k) {
      const double step =
          static_cast<double>(out_.nodes[input(i)].q.scale) * static_cast<double>(w.scale[k]);
      if (node(i).weights.size() > 1)
        out[k] = static_cast<int32_t>(
            std::nearbyint(static_cast<double>(node(i).weights[1].data<float>()[k]) / step));
      int64_t most = std::abs(static_cast<int64_t>(out[k]));
      for (size_t j = 0; j < each; ++j) most += 255 * std::abs(int64_t{w.values[k * each + j]});
      if (most > INT32_MAX)
        refuse(node(i), fmt::format("its sums over {} inputs are more than 32 bits hold", each));
    }
    return out;
  }

  Int8Network out_;
  std::vector<std::vector<size_t>> readers_;
  std::vector<bool> is_output_;
  std::map<const void*, std::vector<double>> most_;  ///< of each weight's channels
};

double step_of(const Int8Network& network, size_t i, size_t j) {
  const int from = network.network.nodes[i].inputs.at(j);
  return static_cast<double>(network.nodes[static_cast<size_t>(from)].q.scale);
}

double function_of(NodeKind kind, double x) {
  switch (kind) {
    case NodeKind::relu:
      return std::max(x, 0.0);
    case NodeKind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case NodeKind::tanh:
      return std::tanh(x);
    case NodeKind::silu:
      return x / (1 + std::exp(-x));
    case NodeKind::softplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    case NodeKind::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    default:
      throw Error(fmt::format("int8 export: '{}' is no function of one x", name_of(kind)));
  }
}

}  // namespace

Int8Network quantised(const ExportedNetwork& network, const std::vector<Range>& ranges,
                      bool normalised) {
  return Quantiser(network, ranges, normalised).finish();
}

std::vector<Multiplier> product_multipliers(const Int8Network& network, size_t i) {
  std::vector<Multiplier> out;
  const double ratio = step_of(network, i, 0) / static_cast<double>(network.nodes[i].q.scale);
  for (const float s : network.weight(i).scale)
    out.push_back(multiplier_of(ratio * static_cast<double>(s)));
  return out;
}

std::vector<float> product_scales(const Int8Network& network, size_t i) {
  std::vector<float> out;
  for (const float s : network.weight(i).scale)
    out.push_back(static_cast<float>(step_of(network, i, 0) * static_cast<double>(s)));
  return out;
}

Multipliers sum_multipliers(const Int8Network& network, size_t i) {
  const ExportedNode& node = network.network.nodes[i];
  const double y = static_cast<double>(network.nodes[i].q.scale);
  std::vector<double> factors, offsets;
  if (node.kind == NodeKind::affine) {
    for (const double a : node.weights[0].to_vector())
      factors.push_back(a * step_of(network, i, 0) / y);
    for (const double b : node.weights[1].to_vector()) offsets.push_back(b / y);
    return multipliers_of(factors, offsets);
  }
  for (size_t j = 0; j < node.inputs.size(); ++j) {
    const double a = node.kind == NodeKind::weighted_sum
                         ? static_cast<double>(node.weights[0].data<float>()[j])
                         : 1;
    factors.push_back(a * step_of(network, i, j) / y);
  }
  return multipliers_of(factors);
}

Multiplier node_multiplier(const Int8Network& network, size_t i) {
  const ExportedNode& node = network.network.nodes[i];
  const double y = static_cast<double>(network.nodes[i].q.scale);
  if (node.kind == NodeKind::mul)
    return multiplier_of(step_of(network, i, 0) * step_of(network, i, 1) / y);
  const Shape& x = network.network.nodes[static_cast<size_t>(node.inputs[0])].shape;
  return multiplier_of(step_of(network, i, 0) / y / static_cast<double>(x[0] * x[1]));
}

std::vector<int8_t> function_table(const Int8Network& network, size_t i) {
  const ExportedNode& node = network.network.nodes[i];
  const Quantisation &x = network.nodes[static_cast<size_t>(node.inputs[0])].q,
                     &y = network.nodes[i].q;
  std::vector<int8_t> out;
  for (int q = -128; q < 128; ++q) {
    const double v = static_cast<double>(x.scale) * (q - x.zero);
    out.push_back(quantise(static_cast<float>(function_of(node.kind, v)), y));
  }
  return out;
}

}  // namespace weft
