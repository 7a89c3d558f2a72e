// A world as the camera sees it, with exact labels. RGB: one light with a soft shadow, the windows'
// glow, ambient light with corners and contacts darkened, edges smoothed by extra rays. Labels come
// from the central ray of each pixel; windows, mirrors and a few blobs have none (NaN).
#pragma once

#include "data/dataset.h"
#include "data/scenes/world.h"

namespace weft::scenes {

struct Rendered {
  Picture image, segmentation, normals, depth, edges, keypoints;
};

/// `noise` decides what is random about the picture rather than the world: grain and void blobs.
Rendered render(const World& world, int height, int width, const Philox& noise);

}  // namespace weft::scenes
