// NestedBlock: a ResNet block (residual_block.h) whose inner channels lie in three nested groups, of
// which a level n executes the first n (channel_levels.h); F of a basic block is
//   h_i = ReLU(BN1_i(W1_i x)),  F = BN2(sum_{i < n} W2_i h_i)
// and of a bottleneck h_i = ReLU(BN1_i(W1_i x)), g_i = ReLU(BN2_i(sum_{j < n} W2_ij h_j)),
// F = BN3(sum_{i < n} W3_i g_i). At level 3 that is the undivided block. Each group has parameters of
// its own, so what nobody executes is not computed, has no gradient, and is not updated:
//   conv1.g0.weight, bn1.g0.weight ..., conv2.g0.weight ..., bn2.weight
//   bottleneck: conv2.g0.g1.weight (to group 0, from group 1), bn2.g0.weight, conv3.g0.weight, bn3
// They begin as the parts of what the undivided block would begin as.
#pragma once

#include <string>
#include <vector>

#include "models/channel_levels.h"
#include "models/residual_block.h"
#include "models/trunk.h"

namespace weft {

class NestedBlock {
 public:
  NestedBlock(ParameterStore& store, const std::string& name, const ResidualBlockOptions& options,
              const Init& init);

  Var shortcut(Pass& pass, const Var& x) const { return shortcut_(pass, x); }
  /// ReLU(r + F(x)), at level 3.
  Var residual(Pass& pass, const Var& x, const Var& r) const;
  /// The same of rows stacked on N, pass.groups says whose they are, row j at levels[j] in 1 .. 3.
  Var residual(Pass& pass, const Var& x, const Var& r, const std::vector<int>& levels) const;

  /// Where F(x) looks, for an x that lies on `in`.
  Grid grid(Grid in) const;
  /// Of F at level 3 on x = [1, H, W, C]; x becomes the output's shape.
  Macs residual_macs(Shape& x) const;
  Macs shortcut_macs(const Shape& x) const { return shortcut_.macs(x); }
  /// Of F by level 0 to 3; level 0 has none.
  std::vector<LevelCost> levels(const Shape& x) const;

 private:
  struct Layer {
    std::vector<std::vector<Conv>> convs;  ///< [group it makes][group it reads]
    std::vector<BatchNorm> norms;          ///< [group it makes]
  };
  std::vector<Layer> layers_;
  Shortcut shortcut_;
  int64_t norm_sets_;  ///< weights and biases that a batch norm has
};

}  // namespace weft
