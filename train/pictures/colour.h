// Labels and predictions as RGB pictures.
//   segmentation: a palette; normals: xyz * 0.5 + 0.5; depth: viridis, near = bright;
//   edges, keypoints: bright on a dimmed image. NaN (no label) is a dark gray hatch.
#pragma once

#include <array>

#include "data/dataset.h"
#include "data/spec.h"

namespace weft {

/// The colour of a class, 0..1 RGB; every id has one.
std::array<float, 3> class_colour(int id);

/// Any dense label as RGB. `image` (same size) lies dimmed below edges and keypoints where given.
/// Depth runs from `nearest` to `farthest`; both 0: from the picture's own range.
Picture colour_label(TaskKind kind, const Picture& label, const Picture* image = nullptr,
                     float nearest = 0, float farthest = 0);

/// A photograph, gray or colour, with RGB of its size half over it.
Picture overlay(const Picture& photograph, const Picture& colours);

}  // namespace weft
