// Where things stand; see layout.h.
#include "data/scenes/layout.h"

#include <algorithm>

namespace weft::scenes {

int Layout::against_wall(int solid, float height, int wall) {
  for (int tries = 0; tries < 14; ++tries) {
    const int face = wall >= 0 ? wall : pick_wall();
    const Solid& s = world_.solids[solid];
    const float half = std::max(-s.low.x, s.high.x),
                along = face == 2 ? world_.size.x : world_.size.z;
    if (along < 2 * half + 0.1f) continue;
    const float u = dice_.range(half + 0.04f, along - half - 0.04f);
    if (place_on_wall(solid, face, u, height)) return solid;
  }
  return drop(solid);
}

int Layout::free_standing(int solid, float angle, float margin) {
  const Solid& s = world_.solids[solid];
  const float reach = std::max({-s.low.x, s.high.x, -s.low.z, s.high.z}) + margin;
  if (world_.size.x < 2 * reach + 0.1f) return drop(solid);
  for (int tries = 0; tries < 14; ++tries) {
    const float x = dice_.range(reach, world_.size.x - reach);
    const float z = dice_.range(reach, std::max(reach + 0.1f, world_.size.z * 0.72f));
    if (place(solid, {x, 0, z}, angle)) return solid;
  }
  return drop(solid);
}

int Layout::at(int solid, Vec3 position, float angle) {
  return place(solid, position, angle) ? solid : drop(solid);
}

void Layout::on_top(int solid, int base, float x, float z, float angle) {
  const Solid& below = world_.solids[base];
  Solid& s = world_.solids[solid];
  s.position = below.position + below.axes.to_world({x, below.high.y, z});
  s.axes = below.axes;
  if (angle != 0) s.axes = turned_by(below.axes, angle);
}

bool Layout::panel(Panel kind, int face, float width, float low, float high, int material) {
  const float along = face == 2 ? world_.size.x : world_.size.z * 0.7f;
  if (along < width + 0.3f) return false;
  for (int tries = 0; tries < 6; ++tries) {
    const float u = dice_.range(0.15f, along - width - 0.15f);
    if (!upper_free(face, u, u + width)) continue;
    world_.decals.push_back({kind, face, u, u + width, low, high, material});
    upper_[face].push_back({u, u + width});
    if (kind == Panel::door) {
      floor_of(face, u, u + width, 0.5f);
    }
    return true;
  }
  return false;
}

int Layout::pick_wall() {
  const float choice = dice_.unit();
  return choice < 0.5f ? 2 : choice < 0.75f ? 0 : 1;
}

int Layout::drop(int solid) {  // always the latest
  world_.primitives.resize(world_.solids[solid].first);
  world_.solids.resize(solid);
  return -1;
}

Axes Layout::turned_by(const Axes& axes, float angle) {
  const Axes turn = Axes::turned(angle);
  return {axes.to_world(turn.x), axes.to_world(turn.y), axes.to_world(turn.z)};
}

bool Layout::upper_free(int face, float from, float to) const {
  for (const auto& [a, b] : upper_[face]) {
    if (from < b + 0.05f && to > a - 0.05f) return false;
  }
  return true;
}

void Layout::floor_of(int face, float from, float to, float depth) {
  const Vec3& size = world_.size;
  if (face == 0) taken_.push_back({0, depth, from, to});
  if (face == 1) taken_.push_back({size.x - depth, size.x, from, to});
  if (face == 2) taken_.push_back({from, to, 0, depth});
}

bool Layout::place_on_wall(int solid, int face, float u, float height) {
  Solid& s = world_.solids[solid];
  const float half = std::max(-s.low.x, s.high.x), back = -s.low.z + 0.012f;
  const bool tall = height + s.high.y > 0.95f;
  if (tall && !upper_free(face, u - half, u + half)) return false;
  const Vec3 position = face == 0   ? Vec3{back, height, u}
                        : face == 1 ? Vec3{world_.size.x - back, height, u}
                                    : Vec3{u, height, back};
  const float angle = face == 0 ? quarter_turn : face == 1 ? -quarter_turn : 0;
  if (height > 0.6f) {  // it hangs: the floor below stays free
    s.position = position;
    s.axes = Axes::turned(angle);
  } else if (!place(solid, position, angle)) {
    return false;
  }
  if (tall) upper_[face].push_back({u - half, u + half});
  return true;
}

bool Layout::place(int solid, Vec3 position, float angle) {
  Solid& s = world_.solids[solid];
  const Axes axes = Axes::turned(angle);
  Rect r{1e9f, -1e9f, 1e9f, -1e9f};
  for (float x : {s.low.x, s.high.x}) {
    for (float z : {s.low.z, s.high.z}) {
      const Vec3 corner = position + axes.to_world({x, 0, z});
      r = {std::min(r.x0, corner.x), std::max(r.x1, corner.x), std::min(r.z0, corner.z),
           std::max(r.z1, corner.z)};
    }
  }
  if (r.x0 < 0.005f || r.z0 < 0.005f || r.x1 > world_.size.x - 0.005f ||
      r.z1 > world_.size.z - 0.005f)
    return false;
  for (const Rect& t : taken_) {
    if (r.x0 < t.x1 && r.x1 > t.x0 && r.z0 < t.z1 && r.z1 > t.z0) return false;
  }
  const Vec3& eye = world_.camera.position;
  const float dx = std::max({r.x0 - eye.x, eye.x - r.x1, 0.0f});
  const float dz = std::max({r.z0 - eye.z, eye.z - r.z1, 0.0f});
  const float clear = s.high.y > 1.1f ? 1.5f : s.high.y > 0.6f ? 1.1f : 0.7f;
  if (dx * dx + dz * dz < clear * clear) return false;
  taken_.push_back(r);
  s.position = position;
  s.axes = axes;
  return true;
}

}  // namespace weft::scenes
