// run_network: a node, an op.
#include "train/export/run_network.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/tape.h"
#include "ops/concat.h"
#include "ops/gather.h"
#include "ops/linear.h"
#include "ops/max_pool.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/top_k.h"
#include "ops/weighted_sum.h"

namespace weft {
namespace {

/// x [N, 1, L, 1] as ids 0 .. count - 1, i32 [N, 1, L].
Tensor ids_of(const Var& x, int64_t count) {
  std::vector<double> ids = x.value().to_vector();
  for (double& id : ids) id = std::clamp(std::round(id), 0.0, static_cast<double>(count - 1));
  return Tensor::from({x.shape()[0], 1, x.shape()[2]}, ids, DType::i32);
}

Var value_of(const ExportedNode& node, const std::vector<Var>& x, const std::vector<Var>& w) {
  switch (node.kind) {
    case NodeKind::input:
      break;
    case NodeKind::conv:
      return w.size() > 1 ? conv2d(x[0], w[0], w[1], node.conv) : conv2d(x[0], w[0], node.conv);
    case NodeKind::linear:
      return w.size() > 1 ? linear(x[0], w[0], w[1]) : linear(x[0], w[0]);
    case NodeKind::affine:
      return add(mul(x[0], w[0]), w[1]);
    case NodeKind::weighted_sum:
      return weighted_sum(x, w[0]);
    case NodeKind::add:
      return add(x[0], x[1]);
    case NodeKind::mul:
      return mul(x[0], x[1]);
    case NodeKind::max_pool:
      return max_pool(x[0], node.pool);
    case NodeKind::mean:
      return mean_over(x[0], {1, 2});
    case NodeKind::concat:
      return concat(x, 3);
    case NodeKind::slice:
      return slice(x[0], 3, node.begin, node.shape[2]);
    case NodeKind::embedding:
      return embedding(w[0], ids_of(x[0], w[0].shape()[0]));
    case NodeKind::top_k: {
      const Shape& s = x[0].shape();
      const Var places = reshape(x[0], {s[0], s[1] * s[2], s[3]});
      return reshape(top_k(places, 1, node.k), {s[0], 1, 1, node.k * s[3]});
    }
    case NodeKind::relu:
      return relu(x[0]);
    case NodeKind::sigmoid:
      return sigmoid(x[0]);
    case NodeKind::tanh:
      return tanh(x[0]);
    case NodeKind::silu:
      return silu(x[0]);
    case NodeKind::softplus:
      return softplus(x[0]);
    case NodeKind::gelu:
      return gelu(x[0]);
  }
  throw Error("run_network: only the first node is the input");
}

}  // namespace

std::vector<Tensor> node_values(const AnyContext& context, const ExportedNetwork& network,
                                const Tensor& input) {
  const Shape &row = network.nodes.at(0).shape, &s = input.shape();
  if (s.rank() != 4 || s[1] != row[0] || s[2] != row[1] || s[3] != row[2])
    throw ShapeError(fmt::format("run_network: the input is {}, the network's [N, {}, {}, {}]", s,
                                 row[0], row[1], row[2]));
  Tape tape(context, Tape::Mode::no_grad);
  std::vector<Var> values{tape.constant(input)};
  for (size_t i = 1; i < network.nodes.size(); ++i) {
    const ExportedNode& node = network.nodes[i];
    std::vector<Var> x, w;
    for (int from : node.inputs) x.push_back(values.at(static_cast<size_t>(from)));
    for (const Tensor& t : node.weights) w.push_back(tape.constant(t));
    const LayerScope scope(node.name);
    values.push_back(value_of(node, x, w));
    if (values.back().shape() != Shape{s[0], node.shape[0], node.shape[1], node.shape[2]})
      throw ShapeError(fmt::format("run_network: node {} ({}) is {}, not [N, {}, {}, {}]", i,
                                   name_of(node.kind), values.back().shape(), node.shape[0],
                                   node.shape[1], node.shape[2]));
  }
  std::vector<Tensor> out;
  for (const Var& v : values) out.push_back(v.value());
  return out;
}

std::vector<Tensor> run_network(const AnyContext& context, const ExportedNetwork& network,
                                const Tensor& input) {
  const std::vector<Tensor> values = node_values(context, network, input);
  std::vector<Tensor> out;
  for (const ExportedOutput& o : network.outputs)
    out.push_back(values.at(static_cast<size_t>(o.node)));
  return out;
}

}  // namespace weft
