// Rays against a world. nearest(): the first surface a ray meets, always found since the room is
// closed. blocked(): whether a solid lies between two points (a shadow ray).
// A ray is p + t d with d of any length: with d's forward component 1, t is the depth.
#pragma once

#include "data/scenes/world.h"

namespace weft::scenes {

struct Ray {
  Vec3 origin, direction;
};

struct Hit {
  float t = 1e30f;
  Vec3 normal;  ///< world, towards the ray's side
  Vec3 local;   ///< point and normal in the solid's axes (the room's: the world's)
  Vec3 local_normal;
  int solid = -1;      ///< -1: the room
  int primitive = -1;  ///< the room: its face
  int decal = -1;
  int material = 0;

  /// Equal for two hits on one flat or smooth surface of one thing.
  uint32_t surface() const {
    const int side = local_normal.x > 0.9f    ? 1
                     : local_normal.x < -0.9f ? 2
                     : local_normal.y > 0.9f  ? 3
                     : local_normal.y < -0.9f ? 4
                     : local_normal.z > 0.9f  ? 5
                     : local_normal.z < -0.9f ? 6
                                              : 0;
    return static_cast<uint32_t>(((solid + 1) * 512 + primitive) * 64 + (decal + 1)) * 8 + side;
  }
};

/// `candidates`: bit i set where solid i may be met (at most 63 solids).
Hit nearest(const World& world, const Ray& ray, uint64_t candidates = ~uint64_t{0});

bool blocked(const World& world, const Vec3& from, const Vec3& to, uint64_t candidates);

/// Pixel coordinates (x right, y down, 0..1) and depth of a point; depth <= 0: behind the camera.
Vec3 project(const Camera& camera, const Vec3& point, float aspect);

/// The ray through pixel coordinates 0..1; aspect = width / height.
Ray camera_ray(const Camera& camera, float x, float y, float aspect);

}  // namespace weft::scenes
