// model.init: a network that starts from somebody's weights, such as torchvision's ImageNet trunk.
// The file's trunk and the network's have to be one and the same: a tensor missing or over means
// another network, and is refused by name, unless model.init_partial asks for what fits.
#pragma once

#include <string>

#include "models/sharing/sharing.h"

namespace weft {

struct Taken {
  int tensors = 0;  ///< of the model, copies counted: what the file filled
  int of = 0;       ///< what there was to fill: the trunk's parameters and running statistics
};

/// Fills each trunk, each task's own batch norm and each task's copy of a trunk's last layers (a
/// split VGG-16) with the file's tensors of the same name, in torchvision's words or weft's own.
/// What is no trunk's is left: classifiers (fc.*, classifier.*), heads, policies, moments. Throws
/// DataError where tensors are missing or over (both are listed), of another shape, no numbers, or
/// where nothing fits; `partial`: takes what fits, at least one.
Taken load_pretrained(const std::string& path, Model& model, bool partial = false);

}  // namespace weft
