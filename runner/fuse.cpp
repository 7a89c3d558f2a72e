// fused: chains conv (+ map) (relu), each at the place of its last node.
#include "runner/fuse.h"

#include <algorithm>

namespace weft::runner {
namespace {

/// What a node's value is made of, where a convolution's kernel makes it; conv -1: none does.
struct Chain {
  int conv = -1, residual = -1;
  bool relu = false;
};

}  // namespace

FusedNetwork fused(const ExportedNetwork& network) {
  const size_t count = network.nodes.size();
  std::vector<int> readers(count);
  for (const ExportedNode& node : network.nodes)
    for (const int input : node.inputs) ++readers[static_cast<size_t>(input)];
  for (const ExportedOutput& out : network.outputs) ++readers[static_cast<size_t>(out.node)];

  std::vector<Chain> chains(count);
  std::vector<bool> absorbed(count);
  for (size_t i = 0; i < count; ++i) {
    const ExportedNode& node = network.nodes[i];
    const auto chain_of = [&](int input) -> Chain {
      const auto at = static_cast<size_t>(input);
      return readers[at] == 1 ? chains[at] : Chain{};
    };
    if (node.kind == NodeKind::conv || node.kind == NodeKind::linear)
      chains[i].conv = static_cast<int>(i);
    if (node.kind == NodeKind::relu) {
      const Chain before = chain_of(node.inputs[0]);
      if (before.conv < 0 || before.relu) continue;
      chains[i] = {before.conv, before.residual, true};
      absorbed[static_cast<size_t>(node.inputs[0])] = true;
    }
    if (node.kind == NodeKind::add) {
      // The later of the two, so that the other is there when it is added.
      const int later = std::max(node.inputs[0], node.inputs[1]);
      const int other = std::min(node.inputs[0], node.inputs[1]);
      const Chain before = chain_of(later);
      if (later == other || before.conv < 0 || before.residual >= 0 || before.relu) continue;
      chains[i] = {before.conv, other, false};
      absorbed[static_cast<size_t>(later)] = true;
    }
  }

  FusedNetwork out;
  std::vector<int> number(count, -1);
  for (size_t i = 0; i < count; ++i) {
    if (absorbed[i]) continue;
    const Chain& chain = chains[i];
    ExportedNode node = network.nodes[chain.conv < 0 ? i : static_cast<size_t>(chain.conv)];
    if (chain.residual >= 0) node.inputs.push_back(chain.residual);
    for (int& input : node.inputs) input = number[static_cast<size_t>(input)];
    if (node.kind == NodeKind::linear) {
      node.kind = NodeKind::conv;
      node.conv = {};
    }
    number[i] = static_cast<int>(out.network.nodes.size());
    out.network.nodes.push_back(std::move(node));
    out.relu.push_back(chain.relu);
  }
  for (const ExportedOutput& o : network.outputs)
    out.network.outputs.push_back({o.task, number[static_cast<size_t>(o.node)]});
  return out;
}

}  // namespace weft::runner
