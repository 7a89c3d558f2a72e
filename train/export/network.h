// The exported network: what a policy executes in evaluation, as a graph of few kinds of nodes. A
// node's value is [H, W, C] for one picture (a table's row: [1, 1, C]); its inputs are earlier
// nodes, node 0 is the network's input. What several tasks compute of the same inputs with the same
// weights is one node. Weights are f32 on the host, [K, R, S, C / G] for a convolution:
//   conv      weight [K, R, S, C / G], bias [K] or none     linear   weight [O, C], bias [O] or none
//   affine    y_c = scale_c x_c + shift_c, both [C]         weighted_sum   y = sum_j a_j x_j, a [n]
//   max_pool, mean (over H and W), concat and slice (of channels), add, mul, and functions of one x
//   embedding of ids 0 .. V - 1 as numbers [1, L, 1]   weight [V, E], y [1, L, E]; others count as the
//   nearest           top_k   y [1, 1, k C], y_(j C + c) the j-th largest of channel c, x [1, W, C]
#pragma once

#include <string>
#include <vector>

#include "engine/words.h"
#include "ops/conv2d.h"
#include "ops/pool_window.h"

namespace weft {

enum class NodeKind : uint8_t {
  input,
  conv,
  linear,
  affine,
  weighted_sum,
  add,
  mul,
  max_pool,
  mean,
  concat,
  slice,
  embedding,
  top_k,
  relu,
  sigmoid,
  tanh,
  silu,
  softplus,
  gelu
};
constexpr std::array<const char*, 19> words_of(NodeKind) {
  return {"input",    "conv", "linear", "affine",   "weighted_sum", "add",   "mul",
          "max_pool", "mean", "concat", "slice",    "embedding",    "top_k", "relu",
          "sigmoid",  "tanh", "silu",   "softplus", "gelu"};
}
/// y_i = f(x_i) of one input.
constexpr bool is_function(NodeKind kind) { return kind >= NodeKind::relu; }

struct ExportedNode {
  NodeKind kind = NodeKind::input;
  std::string name;  ///< of the layer that computes it; several nodes may be one layer's
  std::vector<int> inputs;
  Shape shape;                  ///< [H, W, C]
  std::vector<Tensor> weights;  ///< as above; nodes with the same weights share their bytes
  Conv2dOptions conv;           ///< conv
  PoolOptions pool;             ///< max_pool
  int64_t begin = 0;            ///< slice: its first channel
  int64_t k = 0;                ///< top_k
};

struct ExportedOutput {
  std::string task;
  int node = 0;
};

struct ExportedNetwork {
  std::vector<ExportedNode> nodes;  ///< [0] is the input
  std::vector<ExportedOutput> outputs;
};

/// What a network stores and computes for one picture. MACs are of convolutions and linear layers,
/// dense; a stored weight times a feature (affine, weighted_sum) is one MAC, too.
struct ExportedCost {
  int64_t parameters = 0;
  int64_t macs = 0;
  int64_t bytes() const { return 4 * parameters; }  ///< of the weights
};
ExportedCost cost_of(const ExportedNetwork& network);

/// Whether the input is a text: ids that an embedding looks up.
bool reads_ids(const ExportedNetwork& network);

/// Without nodes that lead to no output.
ExportedNetwork pruned(const ExportedNetwork& network);

/// Every tensor of weights once, under a name of its own ("layer1.0.conv1.weight"), in the order of
/// the nodes.
struct NamedWeight {
  std::string name;
  Tensor value;
  NodeKind kind;  ///< of the first node that has it
};
std::vector<NamedWeight> weights_of(const ExportedNetwork& network);

}  // namespace weft
