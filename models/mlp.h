// A residual MLP, the trunk of tables (ResNet's block of Gorishniy et al., NeurIPS 2021, with the
// activation after the sum, so that the gate is ResNet's):
//   x_0 = a(N(W x));   r = x;   f = a(r + F(x)),  F = N W2 a N W1
// a: an activation (models/activation.h). N: batch norm behind a W without bias (kaiming_normal), or
// with Norm::none nothing, and W has a bias (uniform_fan_in, as PyTorch's nn.Linear): an output is
// then a smooth function of its own row alone, in training as in use.
// x [N, 1, 1, D] -> [N, 1, 1, H]. A picture goes pixel by pixel.
// Names: stem.0 and stem.1, blocks.L.{fc1, bn1, fc2, bn2}; every block is a stage.
#pragma once

#include <memory>

#include "models/activation.h"
#include "models/trunk.h"

namespace weft {

struct MlpOptions {
  int64_t in = 1;       ///< D
  int64_t hidden = 64;  ///< H
  int blocks = 4;
  NormTasks norm_tasks = {};  ///< what batch norm keeps for each task
  Activation activation = Activation::relu;
  Norm norm = Norm::batch;
  bool stem = true;  ///< false: the blocks alone, which run behind another trunk's stem
};

std::unique_ptr<Trunk> make_mlp(ParameterStore& store, const std::string& prefix,
                                const MlpOptions& options, uint64_t seed);

}  // namespace weft
