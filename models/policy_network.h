// PolicyNetwork: what looks at an input before the trunk does and says which blocks to execute
// (BlockDrop, Wu et al., CVPR 2018, section 3; there a ResNet-8). Pictures [N, H, W, C] go through
//   conv7x7 / 4, C -> D   conv3x3 / 2, D -> 2D   conv3x3 / 2, 2D -> 4D   each with bias and ReLU
// to a global average and a linear layer: logits [N, outputs]. Rows of a table ([N, 1, 1, C]) go
// through the same layers as 1x1. There is no batch norm, so an input's logits are of it alone, in
// training too. The last layer starts near 0 with bias `first`, so all inputs start alike.
// Names: NAME.conv1, conv2, conv3 and fc. Retains what the ops do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/layers.h"

namespace weft {

struct PolicyNetworkOptions {
  int64_t in_channels = 3;
  int64_t width = 16;  ///< D
  int64_t outputs = 1;
  bool pictures = true;  ///< false: rows of a table
  double first = 0;      ///< the first logits
};

class PolicyNetwork {
 public:
  PolicyNetwork(ParameterStore& store, const std::string& name, const PolicyNetworkOptions& options,
                uint64_t seed);
  /// images [N, H, W, C] -> logits [N, outputs], in the store's dtype.
  Var operator()(Pass& pass, const Var& images) const;
  /// MACs of one image.
  Macs cost(int64_t height, int64_t width) const;

 private:
  PolicyNetworkOptions options_;
  DType dtype_;
  std::vector<Conv> convs_;
  std::optional<Linear> linear_;
};

}  // namespace weft
