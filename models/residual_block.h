// ResidualBlock: F and the shortcut of ResNet's two kinds of block, under torchvision's names
//   basic       conv3x3 - BN - ReLU - conv3x3 - BN
//   bottleneck  conv1x1 - BN - ReLU - conv3x3 - BN - ReLU - conv1x1 - BN
//   projection  of the shortcut, where asked for: conv1x1 - BN ("downsample.0", "downsample.1")
// One struct covers both kinds, since each is a chain of conv-BN pairs with ReLU between them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/layers.h"

namespace weft {

struct ResidualBlockOptions {
  int64_t in, mid, out;  ///< channels; a basic block has mid = out
  bool bottleneck = false;
  int64_t stride = 1, dilation = 1;
  bool stride_on_first = false;  ///< a bottleneck strides in its first 1x1, not in its 3x3
  bool project = false;
  NormTasks norm = {};  ///< what batch norm keeps for each task
};

class ResidualBlock {
 public:
  ResidualBlock(ParameterStore& store, const std::string& name, const ResidualBlockOptions& options,
                const Init& init);

  Var shortcut(Pass&, const Var& x) const;
  /// ReLU(r + F(x)).
  Var residual(Pass&, const Var& x, const Var& r) const;

  /// Where F(x) looks, for an x that lies on `in`; the shortcut looks there too.
  Grid grid(Grid in) const;

  /// Of F on x = [1, H, W, C]; x becomes the output's shape.
  Macs residual_macs(Shape& x) const;
  Macs shortcut_macs(Shape x) const;

 private:
  std::vector<Conv> convs_;
  std::vector<BatchNorm> norms_;
  std::optional<Conv> down_conv_;
  std::optional<BatchNorm> down_norm_;
};

}  // namespace weft
