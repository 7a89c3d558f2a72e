// ResNet-18, 34, 50 and 101 (He et al., CVPR 2016) with torchvision's names, in two forms:
//   plain     strides 1,2,2,2, dilation 1: classification
//   deeplab   strides 1,2,1,1, dilations 1,1,2,4 on every 3x3, max pool with ceil mode: output
//             stride 8, AdaShare's trunk (docs/method.md section 2.1)
// The stem is a 7x7 of stride 2 and a max pool of stride 2; for pictures of about 32 x 32 a small
// one, a 3x3 of stride 1 alone, as in that paper's networks for CIFAR: all strides are then a fourth.
// A basic block is conv3x3-BN-ReLU-conv3x3-BN; a bottleneck is 1x1-3x3-1x1 with expansion 4.
#pragma once

#include <memory>

#include "models/trunk.h"

namespace weft {

struct ResNetOptions {
  int depth = 18;       ///< 18, 34, 50 or 101
  bool deeplab = true;  ///< the dilated form; false: the plain one
  double width = 1.0;   ///< channels of every layer times this, at least 4
  int64_t in_channels = 3;
  /// Where a bottleneck strides: its 3x3 (torchvision, "sound") or its first 1x1 ("compat").
  bool stride_on_first = false;
  NormTasks norm = {};   ///< what batch norm keeps for each task
  bool nested = false;   ///< blocks can run with some of their inner channels (nested_block.h)
  int functions = 1;     ///< of each block, to choose from (routed_block.h),
  int first_routed = 0;  ///< from this block on
  bool small_stem = false;
  bool stem = true;  ///< false: the blocks alone, which run behind another trunk's stem
};

/// `prefix` is put before every name: "" for one trunk, "trunks.seg." for a task's own.
/// Throws ConfigError for a depth that does not exist.
std::unique_ptr<Trunk> make_resnet(ParameterStore& store, const std::string& prefix,
                                   const ResNetOptions& options, uint64_t seed);

}  // namespace weft
