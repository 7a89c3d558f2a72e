// Procedural colour: albedo of a material at a point of a surface, averaged over the width of a
// pixel's footprint, so that patterns fade in the distance instead of flickering.
#pragma once

#include "data/scenes/world.h"

namespace weft::scenes {

/// u, v: metres along the surface. `front`: whether a solid's front (+z) is looked at.
struct SurfacePoint {
  float u, v;
  float footprint;  ///< metres a pixel covers
  bool front;
};

Vec3 albedo(const Material& material, const SurfacePoint& point);

/// What is seen through a window: sky, hills, haze.
Vec3 outdoors(const Vec3& direction, const Vec3& sky);

}  // namespace weft::scenes
