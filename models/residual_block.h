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
  int functions = 1;    ///< of a RoutedBlock
};

/// One of F's convolutions, each followed by a batch norm.
struct BlockConv {
  int64_t in, out, kernel;
  Conv2dOptions options;
};
std::vector<BlockConv> convs_of(const ResidualBlockOptions& options);

class Shortcut {
 public:
  Shortcut() = default;  ///< the identity
  Shortcut(ParameterStore& store, const std::string& name, const ResidualBlockOptions& options,
           const Init& init);
  Var operator()(Pass& pass, const Var& x) const {
    return conv_ ? (*norm_)(pass, (*conv_)(pass, x)) : x;
  }
  Macs macs(Shape x) const { return conv_ ? conv_macs(*conv_, x) : Macs{}; }

 private:
  std::optional<Conv> conv_;
  std::optional<BatchNorm> norm_;
};

class ResidualBlock {
 public:
  ResidualBlock(ParameterStore& store, const std::string& name, const ResidualBlockOptions& options,
                const Init& init);

  Var shortcut(Pass& pass, const Var& x) const { return shortcut_(pass, x); }
  /// ReLU(r + F(x)).
  Var residual(Pass&, const Var& x, const Var& r) const;
  /// Trunk::gated().
  std::optional<Var> gated(Pass&, const Var& x, const Var& r,
                           const std::vector<GroupGate>& gates) const;

  /// Where F(x) looks, for an x that lies on `in`; the shortcut looks there too.
  Grid grid(Grid in) const;

  /// Of F on x = [1, H, W, C]; x becomes the output's shape.
  Macs residual_macs(Shape& x) const;
  Macs shortcut_macs(const Shape& x) const { return shortcut_.macs(x); }

 private:
  Var convolved(Pass&, const Var& x) const;
  std::vector<Conv> convs_;
  std::vector<BatchNorm> norms_;
  Shortcut shortcut_;
};

}  // namespace weft
