// VD-CNN, a deep network on characters (Conneau et al., EACL 2017, arXiv 1606.01781), with its
// optional shortcuts. Every convolution is a conv2d of height 1:
//   stem       ReLU(BN(conv1x3(e))), e the vector of each character, [V, E] in all
//   F_l        BN(conv1x3(ReLU(BN(conv1x3(x))))); where a stage begins, of max_pool(x), 3 / 2
//   shortcut   the identity; where a stage begins, BN(conv1x1 / 2)
// Four stages of 64, 128, 256, 512 channels; depth 9, 17, 29: 1, 2, or 5, 5, 2, 2 blocks each.
// ids [N, 1, L, 1], as numbers -> [N, 1, ceil(L / 8), 512]; the k largest places: models/heads.h.
// Names: embedding.weight, stem.0, stem.1, then torchvision's (layer2.0.downsample.0).
#pragma once

#include <memory>

#include "models/trunk.h"

namespace weft {

struct VdcnnOptions {
  int depth = 9;           ///< 9, 17 or 29
  double width = 1.0;      ///< channels of every layer times this, at least 4
  int64_t characters = 2;  ///< V; an id is 0 .. V - 1
  int64_t embedding = 16;  ///< E
  NormTasks norm = {};     ///< what batch norm keeps for each task
};

/// Throws ConfigError for a depth that does not exist.
std::unique_ptr<Trunk> make_vdcnn(ParameterStore& store, const std::string& prefix,
                                  const VdcnnOptions& options, uint64_t seed);

}  // namespace weft
