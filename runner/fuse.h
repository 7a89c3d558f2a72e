// Layers that one kernel computes: a convolution (or linear layer), the sum of its output with
// another map, and relu of that, where nobody else reads what is between them.
#pragma once

#include <vector>

#include "train/export/network.h"

namespace weft::runner {

struct FusedNetwork {
  /// A convolution's second input is the map that its output is added to. A linear layer is a
  /// convolution of one pixel, with its weight as it is, [O, C].
  ExportedNetwork network;
  std::vector<bool> relu;  ///< of each node, whether relu follows; false of relu nodes themselves
};

FusedNetwork fused(const ExportedNetwork& network);

}  // namespace weft::runner
