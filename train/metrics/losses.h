// The loss of each kind of task at the head's resolution, labels taken where its outputs look
// (train/metrics/labels.h), and its mean over the batch's valid pixels:
//   segmentation, classification   -sum w log p[label] / sum w   w: class_weights
//   normals                        1 - mean cos(prediction, label)
//   depth, edges, keypoints        mean |prediction - label|
//   binary                         cross-entropy of the logit
//   regression                     mean (prediction - label)^2 (a target: measured_losses.h)
// Semantics differ in which depths are valid (labels.h) and in what a compat reader hands over as
// normals: raw bytes (docs/method.md section 6); both are made unit length.
#pragma once

#include <optional>

#include "engine/tape.h"
#include "train/metrics/geometry.h"

namespace weft {

/// prediction [N, h, w, C] ([N, 1, 1, C] for image labels); target: host f32 [N, H, W, C_label],
/// NaN where there is no label; geometry: how the one lies over the other, such as {model.grid(k)}
/// for dense labels of the pictures' size. nullopt: the batch has no label for this task, and
/// nothing is recorded, so that the task's own parameters stay as they are.
std::optional<Var> task_loss(const TaskSpec& task, Semantics semantics, const Var& prediction,
                             const Tensor& target, const Geometry& geometry = {});

/// What task_loss divides by at that resolution: how many labels the task can use (cross-entropy:
/// their class weights' sum). The mean of batches' losses, so weighted, is the loss over them all.
double loss_weight(const TaskSpec& task, Semantics semantics, const Tensor& target,
                   const Geometry& geometry, int64_t height, int64_t width);

}  // namespace weft
