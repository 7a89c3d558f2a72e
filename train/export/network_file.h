// An exported network as a safetensors file: its weights under the layers' names, convolutions in
// PyTorch's order [K, C / G, R, S], and the graph as JSON in the metadata "graph":
//   {"version": 1, "nodes": [{"op": "conv", "name": "layer1.0.conv1", "inputs": [3], "shape": [H, W, C],
//    "weights": ["layer1.0.conv1.weight", "layer1.0.conv1.bias"], "stride": [1, 1], "padding": [1, 1],
//    "dilation": [1, 1], "groups": 1}, ..], "outputs": [{"task": "seg", "node": 41}]}
// Node 0 is the input. max_pool has kernel, stride, padding and ceil_mode, slice has begin, top_k k.
// build/weft-run runs it, and bench/peer/load_export.py in PyTorch. "notes" says in words what goes in and comes out.
#pragma once

#include <string>

#include "train/export/network.h"

namespace weft {

/// `notes`: lines for people. `usage`: of train/export/usage.h; empty: there is none.
void write_network(const std::string& path, const ExportedNetwork& network,
                   const std::vector<std::string>& notes, const std::string& usage = "");

/// DataError "file: place: ..." where the graph is not as above, or its weights are not there.
ExportedNetwork read_network(const std::string& path);

}  // namespace weft
