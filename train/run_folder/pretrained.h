// model.init: a network that starts from somebody's weights, such as torchvision's ImageNet trunk, or
// from a run's. The file's trunk and the network's have to be one and the same: a tensor missing or
// over means another network, and is refused by name, unless model.init_partial asks for what fits.
// Heads start from the file's where model.init_heads asks for that, each whole or not at all.
#pragma once

#include <string>
#include <vector>

#include "models/sharing/sharing.h"
#include "train/run_file/run_file.h"

namespace weft {

struct Taken {
  std::string file;
  int tensors = 0;                           ///< of the model, copies counted: what the file filled
  int of = 0;                                ///< what there was to fill: the trunk's parameters and
                                             ///< running statistics
  std::string left;                          ///< of the trunk; empty: nothing
  std::vector<std::string> heads = {};       ///< tasks whose heads were filled
  std::vector<std::string> heads_left = {};  ///< where they were asked for: "depth (not there)"

  /// "FILE: 99 of 100 tensors of the trunk taken (missing: ...); heads taken: seg; left: ..."
  std::string text() const;
};

/// Fills each trunk, each task's own batch norm and each task's copy of a trunk's last layers (a
/// split VGG-16) with the tensors of the same name, in torchvision's words or weft's own, of the file
/// `start.init`, or of the run's network in that folder. What is no trunk's is left: classifiers
/// (fc.*, classifier.*), policies, moments, and but for `start.init_heads` heads. Throws DataError
/// where tensors are missing or over (both are listed), of another shape, no numbers, or where
/// nothing fits, no head either where they are asked for; `start.init_partial`: takes of the trunk
/// what fits, at least one tensor.
Taken load_pretrained(const ModelSpec& start, Model& model);

}  // namespace weft
