// An exported network run by weft's own ops: what its files are tested against, and the way back
// from a file to numbers.
#pragma once

#include "engine/backend.h"
#include "train/export/network.h"

namespace weft {

/// input [N, H, W, C], f32 on the host -> one output a task, [N, h, w, C]. ShapeError where the
/// input, or a node's weights, do not fit.
std::vector<Tensor> run_network(const AnyContext& context, const ExportedNetwork& network,
                                const Tensor& input);

/// The same, of every node.
std::vector<Tensor> node_values(const AnyContext& context, const ExportedNetwork& network,
                                const Tensor& input);

}  // namespace weft
