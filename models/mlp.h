// A residual MLP, the trunk of tables (ResNet's block of Gorishniy et al., NeurIPS 2021, with the
// ReLU after the sum, so that the gate is ResNet's):
//   x_0 = ReLU(BN(W x));   r = x;   f = ReLU(r + F(x)),  F = BN W2 ReLU BN W1
// x [N, 1, 1, D] -> [N, 1, 1, H], no biases before a batch norm. A picture goes pixel by pixel.
// Names: stem.0 and stem.1, blocks.L.{fc1, bn1, fc2, bn2}; every block is a stage.
#pragma once

#include <memory>

#include "models/trunk.h"

namespace weft {

struct MlpOptions {
  int64_t in = 1;       ///< D
  int64_t hidden = 64;  ///< H
  int blocks = 4;
  NormTasks norm = {};  ///< what batch norm keeps for each task
};

std::unique_ptr<Trunk> make_mlp(ParameterStore& store, const std::string& prefix,
                                const MlpOptions& options, uint64_t seed);

}  // namespace weft
