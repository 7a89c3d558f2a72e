// ExportedNetwork: counting, choosing and naming.
#include "train/export/network.h"

#include <set>

namespace weft {
namespace {

int64_t macs_of(const ExportedNode& node) {
  const Shape& y = node.shape;
  switch (node.kind) {
    case NodeKind::conv:
    case NodeKind::linear:
      return y[0] * y[1] * node.weights[0].numel();
    case NodeKind::affine:
      return y.numel();
    case NodeKind::weighted_sum:
      return y.numel() * static_cast<int64_t>(node.inputs.size());
    default:
      return 0;
  }
}

/// What a node calls its weights.
const char* role_of(NodeKind kind, size_t i) {
  if (kind == NodeKind::affine) return i == 0 ? "scale" : "shift";
  if (kind == NodeKind::weighted_sum) return "weights";
  return i == 0 ? "weight" : "bias";
}

}  // namespace

ExportedCost cost_of(const ExportedNetwork& network) {
  ExportedCost cost;
  std::set<const void*> seen;
  for (const ExportedNode& node : network.nodes) {
    cost.macs += macs_of(node);
    for (const Tensor& w : node.weights)
      if (seen.insert(w.raw()).second) cost.parameters += w.numel();
  }
  return cost;
}

bool reads_ids(const ExportedNetwork& network) {
  for (const ExportedNode& node : network.nodes)
    for (const int input : node.inputs)
      if (input == 0) return node.kind == NodeKind::embedding;
  return false;
}

ExportedNetwork pruned(const ExportedNetwork& network) {
  std::vector<bool> needed(network.nodes.size());
  needed.at(0) = true;
  for (const ExportedOutput& out : network.outputs) needed.at(static_cast<size_t>(out.node)) = true;
  for (size_t i = network.nodes.size(); i-- > 0;)
    for (int input : network.nodes[i].inputs)
      if (needed[i]) needed[static_cast<size_t>(input)] = true;
  ExportedNetwork out;
  std::vector<int> now(network.nodes.size(), -1);
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    if (!needed[i]) continue;
    now[i] = static_cast<int>(out.nodes.size());
    out.nodes.push_back(network.nodes[i]);
    for (int& input : out.nodes.back().inputs) input = now[static_cast<size_t>(input)];
  }
  for (const ExportedOutput& o : network.outputs)
    out.outputs.push_back({o.task, now[static_cast<size_t>(o.node)]});
  return out;
}

std::vector<NamedWeight> weights_of(const ExportedNetwork& network) {
  std::vector<NamedWeight> out;
  std::set<const void*> seen;
  std::set<std::string> taken;
  for (const ExportedNode& node : network.nodes)
    for (size_t i = 0; i < node.weights.size(); ++i) {
      if (!seen.insert(node.weights[i].raw()).second) continue;
      const std::string name = fmt::format("{}.{}", node.name, role_of(node.kind, i));
      std::string own = name;
      for (int n = 2; !taken.insert(own).second; ++n) own = fmt::format("{}.{}", name, n);
      out.push_back({own, node.weights[i], node.kind});
    }
  return out;
}

}  // namespace weft
