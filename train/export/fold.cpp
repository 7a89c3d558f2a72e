// fold_affine: which layers may take their scale and shift in, then each of them.
#include "train/export/fold.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/error.h"
#include "train/export/weight_pool.h"

namespace weft {
namespace {

bool is_product(const ExportedNode& node) {
  return node.kind == NodeKind::conv || node.kind == NodeKind::linear;
}

std::vector<int> uses_of(const ExportedNetwork& network) {
  std::vector<int> uses(network.nodes.size());
  for (const ExportedNode& node : network.nodes)
    for (int input : node.inputs) ++uses[static_cast<size_t>(input)];
  for (const ExportedOutput& out : network.outputs) ++uses[static_cast<size_t>(out.node)];
  return uses;
}

/// Of every product the affine node that alone reads it; -1: none.
std::vector<int> affine_after(const ExportedNetwork& network) {
  const std::vector<int> uses = uses_of(network);
  std::vector<int> after(network.nodes.size(), -1);
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    if (network.nodes[i].kind != NodeKind::affine) continue;
    const auto before = static_cast<size_t>(network.nodes[i].inputs[0]);
    if (is_product(network.nodes[before]) && uses[before] == 1) after[before] = static_cast<int>(i);
  }
  return after;
}

/// layer, then affine.
ExportedNode folded(const ExportedNode& layer, const ExportedNode& affine) {
  const std::vector<double> scale = affine.weights[0].to_vector();
  std::vector<double> weight = layer.weights[0].to_vector(), bias = affine.weights[1].to_vector();
  const size_t fan_in = weight.size() / scale.size();
  for (size_t i = 0; i < weight.size(); ++i) weight[i] *= scale[i / fan_in];
  if (layer.weights.size() > 1) {
    const std::vector<double> own = layer.weights[1].to_vector();
    for (size_t k = 0; k < bias.size(); ++k) bias[k] += scale[k] * own[k];
  }
  ExportedNode out = layer;
  out.weights = {Tensor::from(layer.weights[0].shape(), weight, DType::f64),
                 Tensor::from(affine.weights[1].shape(), bias, DType::f64)};
  return out;
}

}  // namespace

void fold_affine(ExportedNetwork& network) {
  const std::vector<int> after = affine_after(network);
  // By weight: what follows its layers, by the scale and shift; null where nothing can be folded.
  std::map<const void*, std::set<std::pair<const void*, const void*>>> followed_by;
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    const ExportedNode& layer = network.nodes[i];
    if (!is_product(layer)) continue;
    std::pair<const void*, const void*> what{nullptr, nullptr};
    if (after[i] >= 0) {
      const ExportedNode& affine = network.nodes[static_cast<size_t>(after[i])];
      what = {affine.weights[0].raw(), affine.weights[1].raw()};
    }
    followed_by[layer.weights[0].raw()].insert(what);
  }
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    if (after[i] < 0 || followed_by.at(network.nodes[i].weights[0].raw()).size() > 1) continue;
    ExportedNode& affine = network.nodes[static_cast<size_t>(after[i])];
    affine = folded(network.nodes[i], affine);
  }
}

void round_weights(ExportedNetwork& network) {
  WeightPool pool;
  for (ExportedNode& node : network.nodes)
    for (Tensor& w : node.weights) w = pool.intern(w.to(DType::f32));
}

ExportedNetwork only_tasks(const ExportedNetwork& network, const std::vector<std::string>& tasks) {
  ExportedNetwork out = network;
  out.outputs.clear();
  for (const std::string& task : tasks) {
    const auto is = [&](const ExportedOutput& o) { return o.task == task; };
    const auto found = std::find_if(network.outputs.begin(), network.outputs.end(), is);
    if (found == network.outputs.end()) {
      std::string list;
      for (const ExportedOutput& o : network.outputs) list += (list.empty() ? "" : ", ") + o.task;
      throw ConfigError(
          fmt::format("export: there is no task '{}'; the network has {}", task, list));
    }
    if (std::any_of(out.outputs.begin(), out.outputs.end(), is))
      throw ConfigError(fmt::format("export: task '{}' is named twice", task));
    out.outputs.push_back(*found);
  }
  if (out.outputs.empty()) throw ConfigError("export: a network needs at least one task");
  out = pruned(out);
  fold_affine(out);
  out = pruned(out);
  round_weights(out);
  return out;
}

}  // namespace weft
