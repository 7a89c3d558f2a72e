// plan_memory: lives, places that are taken over, and the packing.
#include "train/export/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace weft {
namespace {

/// Values that lie in one place, one after the other.
struct Block {
  int64_t floats = 0;
  int first = 0, last = 0;  ///< nodes between which it is in use
  int64_t offset = 0;
};

bool in_place(NodeKind kind) {
  return is_function(kind) || kind == NodeKind::affine || kind == NodeKind::add ||
         kind == NodeKind::mul || kind == NodeKind::weighted_sum;
}

std::vector<int> last_reads(const ExportedNetwork& network) {
  const auto count = static_cast<int>(network.nodes.size());
  std::vector<int> last(network.nodes.size());
  for (int i = 0; i < count; ++i) {
    last[static_cast<size_t>(i)] = i;
    for (int input : network.nodes[static_cast<size_t>(i)].inputs)
      last[static_cast<size_t>(input)] = i;
  }
  for (const ExportedOutput& out : network.outputs) last[static_cast<size_t>(out.node)] = count;
  return last;
}

}  // namespace

MemoryPlan plan_memory(const ExportedNetwork& network) {
  std::vector<int64_t> sizes;
  for (const ExportedNode& node : network.nodes) sizes.push_back(node.shape.numel());
  sizes.at(0) = 0;  // the caller's
  return plan_memory(network, sizes);
}

MemoryPlan plan_memory(const ExportedNetwork& network, const std::vector<int64_t>& sizes) {
  const std::vector<int> last = last_reads(network);
  std::vector<Block> blocks;
  std::vector<int> block_of(network.nodes.size(), -1);
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    const ExportedNode& node = network.nodes[i];
    if (sizes[i] == 0) continue;
    const auto here = static_cast<int>(i);
    for (int input : node.inputs) {
      const auto from = static_cast<size_t>(input);
      if (block_of[i] < 0 && in_place(node.kind) && block_of[from] >= 0 && last[from] == here)
        block_of[i] = block_of[from];
    }
    if (block_of[i] < 0) {
      block_of[i] = static_cast<int>(blocks.size());
      blocks.push_back({sizes[i], here, here, 0});
    }
    blocks[static_cast<size_t>(block_of[i])].last = last[i];
  }
  std::vector<size_t> order(blocks.size()), placed;
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return blocks[a].floats > blocks[b].floats; });
  MemoryPlan plan;
  for (size_t b : order) {
    Block& block = blocks[b];
    // `placed` is sorted by offset: the first gap that is large enough.
    for (size_t other : placed) {
      const Block& o = blocks[other];
      if (o.last < block.first || block.last < o.first) continue;
      if (block.offset + block.floats <= o.offset) break;
      block.offset = std::max(block.offset, o.offset + o.floats);
    }
    const auto by_offset = [&](size_t a, size_t c) { return blocks[a].offset < blocks[c].offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), b, by_offset), b);
    plan.floats = std::max(plan.floats, block.offset + block.floats);
  }
  for (int b : block_of) plan.offset.push_back(b < 0 ? -1 : blocks[static_cast<size_t>(b)].offset);
  return plan;
}

}  // namespace weft
