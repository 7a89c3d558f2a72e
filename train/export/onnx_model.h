// An exported network as an ONNX model (opset 17, IR 8), by ONNX's own library and through its
// checker and shape inference. Pictures go in as [N, C, H, W] and come out as [N, c, h, w], one
// pixel as [N, c]; a table's rows as [N, C] and [N, c]; of a text its ids, int64 [N, L]. The input is called "input", an output as
// its task. N is free, and so are H and W unless the caller or the network fixes them: where a map
// is a single pixel a mean over its pixels was left out, so that the graph holds for that size
// alone. gelu is x (1 + erf(x / sqrt 2)) / 2, silu x sigmoid(x): opset 17 has neither.
// An int8 network is the same graph between QuantizeLinear and DequantizeLinear ("QDQ"): weights int8,
// biases int32, which runtimes take for integer kernels; inputs and outputs stay f32.
// Without the library (onnx_missing.cpp) every call is a ConfigError that names its packages.
#pragma once

#include <string>
#include <vector>

#include "train/export/int8/quantise.h"
#include "train/export/network.h"

namespace weft {

struct OnnxOptions {
  bool any_size = true;            ///< of pictures, where the network allows it
  std::vector<std::string> notes;  ///< lines for people: the model's doc_string
};

struct OnnxModel {
  std::string bytes;  ///< of the file
  std::string size;   ///< what pictures may go in, in words; empty: a table or texts
};

/// ConfigError where two tasks have one name, or the weights do not fit into a file (2 GiB, which
/// protobuf sets); Error where ONNX's checker refuses what was made.
OnnxModel onnx_model(const ExportedNetwork& network, const OnnxOptions& options);
OnnxModel onnx_model(const Int8Network& network, const OnnxOptions& options);

}  // namespace weft
