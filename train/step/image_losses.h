// Losses image by image: what rewards and costs of policies per input are made of.
#pragma once

#include <optional>
#include <vector>

#include "train/metrics/losses.h"

namespace weft {

using ImageLosses = std::vector<std::optional<double>>;

/// Loss of each image of a task; nullopt where it has no label. prediction [N, h, w, C] in the loss's
/// type, target [N, ..] on the host. Waits for a GPU.
ImageLosses image_losses(const TaskSpec& task, Semantics semantics, const Var& prediction,
                         const Tensor& target, const Geometry& geometry);

}  // namespace weft
