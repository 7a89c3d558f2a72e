// fold_affine: layer by layer, in the order of the nodes, so that a chain of them folds as well.
#include "train/export/fold.h"

#include <algorithm>

#include "engine/error.h"
#include "train/export/weight_pool.h"

namespace weft {
namespace {

std::vector<int> uses_of(const ExportedNetwork& network) {
  std::vector<int> uses(network.nodes.size());
  for (const ExportedNode& node : network.nodes)
    for (int input : node.inputs) ++uses[static_cast<size_t>(input)];
  for (const ExportedOutput& out : network.outputs) ++uses[static_cast<size_t>(out.node)];
  return uses;
}

}  // namespace

void fold_affine(ExportedNetwork& network) {
  const std::vector<int> uses = uses_of(network);
  for (ExportedNode& node : network.nodes) {
    if (node.kind != NodeKind::affine) continue;
    const auto before = static_cast<size_t>(node.inputs[0]);
    const ExportedNode& layer = network.nodes[before];
    if ((layer.kind != NodeKind::conv && layer.kind != NodeKind::linear) || uses[before] != 1)
      continue;
    const std::vector<double> scale = node.weights[0].to_vector();
    std::vector<double> weight = layer.weights[0].to_vector(), bias = node.weights[1].to_vector();
    const size_t fan_in = weight.size() / scale.size();
    for (size_t i = 0; i < weight.size(); ++i) weight[i] *= scale[i / fan_in];
    if (layer.weights.size() > 1) {
      const std::vector<double> own = layer.weights[1].to_vector();
      for (size_t k = 0; k < bias.size(); ++k) bias[k] += scale[k] * own[k];
    }
    ExportedNode folded = layer;
    folded.weights = {Tensor::from(layer.weights[0].shape(), weight, DType::f64),
                      Tensor::from(node.weights[1].shape(), bias, DType::f64)};
    node = folded;
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
