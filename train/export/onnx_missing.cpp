// In place of onnx_model.cpp where ONNX's library is not built in.
#include "engine/error.h"
#include "train/export/onnx_model.h"

namespace weft {

OnnxModel onnx_model(const Int8Network& network, const OnnxOptions& options) {
  return onnx_model(network.network, options);
}

OnnxModel onnx_model(const ExportedNetwork&, const OnnxOptions&) {
  throw ConfigError(
      "export: this weft was built without ONNX's library; install libonnx-dev (1.12 or later) and "
      "libprotobuf-dev, and build it anew");
}

}  // namespace weft
