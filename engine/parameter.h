// Parameter: a named value that training changes, and its gradient; all that optimizers and
// checkpoints see. The gradient is absent (not zero) until backward first contributes to it.
#pragma once

#include <string>

#include "engine/tensor.h"

namespace weft {

struct Parameter {
  std::string name;  ///< torchvision's for a trunk: "layer2.0.conv1.weight"
  Tensor value;
  Tensor grad;            ///< undefined until backward reaches this parameter
  bool trainable = true;  ///< false: recorded as a constant, no gradient is computed
};

}  // namespace weft
