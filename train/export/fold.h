// Batch norm in evaluation is y = scale x + shift by channel. Where x is a convolution's or linear
// layer's, and nobody else reads it, the two are one layer:
//   weight'[k, ..] = scale_k weight[k, ..],  bias'_k = scale_k bias_k + shift_k
// computed in f64 (Jacob et al., CVPR 2018, arXiv 1712.05877, equation 14). Where one weight would
// become several, because tasks have statistics of their own, it stays one, and scale and shift a
// node of their own.
#pragma once

#include "train/export/network.h"

namespace weft {

/// Equal weights have to share their bytes, as WeightPool has it. What was folded away is still
/// there, without a use; pruned() drops it.
void fold_affine(ExportedNetwork& network);

/// Every weight as f32, and of equal ones one.
void round_weights(ExportedNetwork& network);

/// The outputs of these tasks alone, in the order of `tasks`, and the nodes that lead to them; what
/// other tasks kept from being folded is folded. ConfigError where a task is not there, or twice.
ExportedNetwork only_tasks(const ExportedNetwork& network, const std::vector<std::string>& tasks);

}  // namespace weft
