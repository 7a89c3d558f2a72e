// VGG-16 without batch norm (Simonyan & Zisserman, ICLR 2015, configuration D) with torchvision's
// names: features.N is a 3x3 convolution with bias, a ReLU or a 2x2 max pool, N = 0 .. 30.
//   trunk(x) = features[0 .. split)      head_k(t) = head(features_k[split .. 31)(t))
// x [N, H, W, C] -> [N, H/32, W/32, 512 width]. The layers from `split` on are every task's own,
// under heads.TASK.features.N. There is no residual block, so nothing that a policy could skip.
#pragma once

#include <memory>
#include <string>

#include "models/heads.h"

namespace weft {

struct VggOptions {
  double width = 1.0;  ///< channels of every layer times this, at least 4
  int64_t in_channels = 3;
  std::string split;  ///< "features.24": the first layer that is not shared; empty: all are shared
};

/// The layers before the split, as a trunk that is all stem. Throws ConfigError for a split that
/// names no layer or leaves nothing to share.
std::unique_ptr<Trunk> make_vgg16(ParameterStore& store, const std::string& prefix,
                                  const VggOptions& options, uint64_t seed);

/// Task `name`'s own layers, from the split on, and then its head as make_head makes it.
std::unique_ptr<Head> make_vgg16_head(ParameterStore& store, const std::string& name,
                                      const VggOptions& options, int64_t out,
                                      const HeadOptions& head, uint64_t seed);

}  // namespace weft
