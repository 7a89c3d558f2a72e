// Which trunk: a ResNet, VGG-16, VD-CNN or the residual MLP, behind the one interface. What a network has
// no use for (a split of ResNet, hidden units of VGG) is not read.
#pragma once

#include <memory>
#include <string>

#include "models/mlp.h"
#include "models/resnet.h"
#include "models/vdcnn.h"
#include "models/vgg.h"

namespace weft {

/// in_channels and width mean the same for all: the MLP's inputs, and a factor on its hidden units;
/// VD-CNN's input is one number, the character's id. depth: of a ResNet or VD-CNN.
struct TrunkOptions : ResNetOptions {
  enum class Kind { resnet, vgg16, vdcnn, mlp };
  Kind kind = Kind::resnet;
  std::string split;                         ///< vgg16: the first layer that is a task's own
  int64_t characters = 2;                    ///< vdcnn: ids that the input may hold
  int64_t embedding = 16;                    ///< vdcnn
  int64_t hidden = 64;                       ///< mlp
  int blocks = 4;                            ///< mlp
  Activation activation = Activation::relu;  ///< mlp
  Norm mlp_norm = Norm::batch;               ///< mlp
};

VggOptions vgg_options(const TrunkOptions& options);

std::unique_ptr<Trunk> make_trunk(ParameterStore& store, const std::string& prefix,
                                  const TrunkOptions& options, uint64_t seed);

}  // namespace weft
