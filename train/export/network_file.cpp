// write_network and read_network: JSON there and back.
#include "train/export/network_file.h"

#include <map>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "io/json_text.h"
#include "io/safetensors.h"

namespace weft {
namespace {

constexpr int version = 1;

nlohmann::json pair(const Extent2& e) { return {e.h, e.w}; }

nlohmann::json json_of(const ExportedNode& node, const std::map<const void*, std::string>& names) {
  nlohmann::json j = {{"op", name_of(node.kind)},
                      {"name", node.name},
                      {"inputs", node.inputs},
                      {"shape", {node.shape[0], node.shape[1], node.shape[2]}}};
  for (const Tensor& w : node.weights) j["weights"].push_back(names.at(w.raw()));
  if (node.kind == NodeKind::conv) {
    j["stride"] = pair(node.conv.stride);
    j["padding"] = pair(node.conv.padding);
    j["dilation"] = pair(node.conv.dilation);
    j["groups"] = node.conv.groups;
  }
  if (node.kind == NodeKind::max_pool) {
    j["kernel"] = node.pool.kernel;
    j["stride"] = node.pool.stride;
    j["padding"] = node.pool.padding;
    j["ceil_mode"] = node.pool.ceil_mode ? 1 : 0;
  }
  if (node.kind == NodeKind::slice) j["begin"] = node.begin;
  if (node.kind == NodeKind::top_k) j["k"] = node.k;
  return j;
}

constexpr int64_t most = 1 << 24;  ///< of any size in a graph

Extent2 extent(const JsonValue& j, int64_t least) {
  const std::vector<int> both = j.integers(least, most);
  if (both.size() != 2) j.fail("must be two numbers");
  return {both[0], both[1]};
}

/// How many inputs and weights a kind has: least and most of each.
struct Arity {
  size_t least_inputs, most_inputs, least_weights, most_weights;
};
Arity arity_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::input:
      return {0, 0, 0, 0};
    case NodeKind::conv:
    case NodeKind::linear:
      return {1, 1, 1, 2};
    case NodeKind::affine:
      return {1, 1, 2, 2};
    case NodeKind::weighted_sum:
      return {1, 1 << 20, 1, 1};
    case NodeKind::embedding:
      return {1, 1, 1, 1};
    case NodeKind::add:
    case NodeKind::mul:
      return {2, 2, 0, 0};
    case NodeKind::concat:
      return {1, 1 << 20, 0, 0};
    default:
      return {1, 1, 0, 0};
  }
}

class Reader {
 public:
  explicit Reader(const SafetensorsFile& file) : file_(file) {}

  ExportedNode node(const JsonValue& j, int number) {
    j.only({"op", "name", "inputs", "shape", "weights", "stride", "padding", "dilation", "groups",
            "kernel", "ceil_mode", "begin", "k"});
    ExportedNode node;
    node.kind = kind(j["op"]);
    node.name = j["name"].text();
    node.inputs = j["inputs"].integers(0, number - 1);
    const std::vector<int> shape = j["shape"].integers(1, most);
    if (shape.size() != 3) j["shape"].fail("must be [H, W, C]");
    node.shape = {shape[0], shape[1], shape[2]};
    if (j.has("weights"))
      for (const std::string& name : j["weights"].texts())
        node.weights.push_back(weight(name, node.kind));
    if (node.kind == NodeKind::conv)
      node.conv = {extent(j["stride"], 1), extent(j["padding"], 0), extent(j["dilation"], 1),
                   j["groups"].integer(1, most)};
    if (node.kind == NodeKind::max_pool)
      node.pool = {j["kernel"].integer(1, 15), j["stride"].integer(1, most),
                   j["padding"].integer(0, most), j["ceil_mode"].integer(0, 1) == 1};
    if (node.kind == NodeKind::slice) node.begin = j["begin"].integer(0, most);
    if (node.kind == NodeKind::top_k) node.k = j["k"].integer(1, most);
    const Arity arity = arity_of(node.kind);
    const size_t inputs = node.inputs.size(), weights = node.weights.size();
    if (inputs < arity.least_inputs || inputs > arity.most_inputs ||
        weights < arity.least_weights || weights > arity.most_weights)
      j.fail(fmt::format("a node '{}' with {} inputs and {} weights", name_of(node.kind), inputs,
                         weights));
    if ((node.kind == NodeKind::input) != (number == 0))
      j.fail("the first node, and no other, is the input");
    return node;
  }

 private:
  static NodeKind kind(const JsonValue& j) {
    try {
      return from_word<NodeKind>("op", j.text());
    } catch (const ConfigError& e) {
      j.fail(e.what());
    }
  }

  const Tensor& weight(const std::string& name, NodeKind kind) {
    const auto [place, fresh] = loaded_.try_emplace(name);
    if (fresh) {
      const Tensor t = file_.load(name);
      place->second = kind == NodeKind::conv && t.shape().rank() == 4 ? oihw_to_krsc(t) : t;
    }
    return place->second;
  }

  const SafetensorsFile& file_;
  std::map<std::string, Tensor> loaded_;
};

}  // namespace

void write_network(const std::string& path, const ExportedNetwork& network,
                   const std::vector<std::string>& notes, const std::string& usage) {
  std::vector<NamedTensor> tensors;
  std::map<const void*, std::string> names;
  for (const NamedWeight& w : weights_of(network)) {
    names[w.value.raw()] = w.name;
    const bool conv = w.kind == NodeKind::conv && w.value.shape().rank() == 4;
    tensors.push_back({w.name, conv ? krsc_to_oihw(w.value) : w.value});
  }
  nlohmann::json graph = {{"version", version},
                          {"nodes", nlohmann::json::array()},
                          {"outputs", nlohmann::json::array()}};
  for (const ExportedNode& node : network.nodes) graph["nodes"].push_back(json_of(node, names));
  for (const ExportedOutput& out : network.outputs)
    graph["outputs"].push_back({{"task", out.task}, {"node", out.node}});
  Metadata metadata{{"graph", graph.dump()}, {"notes", fmt::format("{}", fmt::join(notes, "\n"))}};
  if (!usage.empty()) metadata["usage"] = usage;
  write_safetensors(path, tensors, metadata);
}

ExportedNetwork read_network(const std::string& path) {
  const SafetensorsFile file(path);
  file.verify();
  const auto text = file.metadata().find("graph");
  if (text == file.metadata().end())
    throw DataError(path + ": no metadata \"graph\"; `weft export --format safetensors` writes it");
  const nlohmann::json json = parse_json(text->second, path + ": graph");
  const JsonValue graph(json, path + ": graph");
  graph.only({"version", "nodes", "outputs"});
  if (graph["version"].integer() != version)
    graph["version"].fail(fmt::format("this weft reads version {}", version));
  ExportedNetwork network;
  Reader reader(file);
  for (const JsonValue& j : graph["nodes"].items())
    network.nodes.push_back(reader.node(j, static_cast<int>(network.nodes.size())));
  if (network.nodes.empty()) graph["nodes"].fail("there is no input");
  const auto last = static_cast<int64_t>(network.nodes.size()) - 1;
  for (const JsonValue& j : graph["outputs"].items())
    network.outputs.push_back(
        {j.only({"task", "node"})["task"].text(), static_cast<int>(j["node"].integer(0, last))});
  return network;
}

}  // namespace weft
