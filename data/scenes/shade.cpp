// Light and colour of one surface point; see shade.h.
#include "data/scenes/shade.h"

#include "data/scenes/texture.h"

namespace weft::scenes {
namespace {

/// 1 at distance 0, a half at `reach`.
float fade(float distance, float reach) {
  const float r = std::max(distance, 0.0f) / reach;
  return 1 / (1 + r * r);
}

}  // namespace

Shader::Shader(const World& world, float pixel) : world_(world), pixel_(pixel) {
  for (size_t i = 0; i < world.solids.size(); ++i) {
    const Solid& s = world.solids[i];
    const bool shines = s.label == lamp && s.low.y < 0;  // hangs from the ceiling
    if (!shines) casters_ |= uint64_t{1} << i;
  }
  for (const Decal& d : world.decals) {
    if (d.panel != Panel::window) continue;
    const float u = (d.u0 + d.u1) / 2, v = (d.v0 + d.v1) / 2;
    const Vec3 centre = d.face == 0   ? Vec3{0, v, u}
                        : d.face == 1 ? Vec3{world.size.x, v, u}
                                      : Vec3{u, v, 0};
    const Vec3 normal = d.face == 0 ? Vec3{1, 0, 0} : d.face == 1 ? Vec3{-1, 0, 0} : Vec3{0, 0, 1};
    openings_.push_back({centre, normal, (d.u1 - d.u0) * (d.v1 - d.v0)});
  }
}

float Shader::lit(const Hit& hit, const Vec3& point, const Vec3& light) const {
  if (dot(hit.normal, light - point) <= 0) return 0;
  return blocked(world_, point + hit.normal * 2e-3f, light, casters_) ? 0.0f : 1.0f;
}

Vec3 Shader::colour_of(const Hit& hit, float footprint) const {
  const Material& m = world_.materials[hit.material];
  const Vec3& n = hit.local_normal;
  const float x = std::abs(n.x), y = std::abs(n.y), z = std::abs(n.z);
  SurfacePoint p{0, 0, footprint, false};
  if (y >= x && y >= z) {
    p.u = hit.local.x;
    p.v = hit.local.z;
  } else if (x >= z) {
    p.u = hit.local.z;
    p.v = hit.local.y;
  } else {
    p.u = hit.local.x;
    p.v = hit.local.y;
    p.front = n.z > 0;
  }
  if (hit.solid >= 0) return albedo(m, p);
  if (hit.decal >= 0) {
    const Decal& d = world_.decals[hit.decal];
    const float border =
        std::min({p.u - d.u0, d.u1 - p.u, d.v1 - p.v, d.panel == Panel::door ? 1.0f : p.v - d.v0});
    p.u -= d.u0;
    p.front = true;
    if (d.panel == Panel::rug) return albedo(m, p) * (border < 0.05f ? 0.55f : 1.0f);
    return albedo(m, p) * (border < 0.06f ? 0.8f : 1.0f);
  }
  if (hit.primitive < 4 && hit.local.y < 0.075f) return {0.7f, 0.69f, 0.66f};  // the skirting board
  return albedo(m, p);
}

float Shader::occlusion(const Hit& hit, const Vec3& point) const {
  const Vec3& size = world_.size;
  if (hit.solid >= 0) {
    return (1 - 0.45f * fade(point.y, 0.12f)) * (hit.normal.y < -0.5f ? 0.55f : 1.0f);
  }
  const float x = std::min(point.x, size.x - point.x), y = std::min(point.y, size.y - point.y);
  const float z = std::min(point.z, size.z - point.z);
  float open = 1;
  if (hit.primitive >= 2) open *= 1 - 0.4f * fade(x, 0.2f);
  if (hit.primitive < 4) open *= 1 - 0.4f * fade(y, 0.2f);
  if (hit.primitive < 2 || hit.primitive >= 4) open *= 1 - 0.4f * fade(z, 0.2f);
  if (hit.primitive == 5) return open;
  // What stands near darkens the floor and the wall behind it.
  for (const Solid& s : world_.solids) {
    const Vec3 way = point - s.position;
    const Vec3 local = s.axes.to_local(way);
    const float dx = std::max({s.low.x - local.x, local.x - s.high.x, 0.0f});
    const float dy = std::max({s.low.y - local.y, local.y - s.high.y, 0.0f});
    const float dz = std::max({s.low.z - local.z, local.z - s.high.z, 0.0f});
    const float squared = dx * dx + dy * dy + dz * dz;
    if (squared > 0.25f) continue;
    open *= 1 - (s.footed ? 0.5f : 0.28f) / (1 + squared * 60);
  }
  return open;
}

Vec3 Shader::mirrored(const Hit& hit, const Vec3& point, const Vec3& way) const {
  const Ray ray{point + hit.normal * 2e-3f, way - hit.normal * (2 * dot(way, hit.normal))};
  const Hit seen = nearest(world_, ray);
  const Vec3 there = ray.origin + ray.direction * seen.t;
  if (seen.decal >= 0 && world_.decals[seen.decal].panel == Panel::mirror)
    return {0.4f, 0.42f, 0.44f};
  return shade(seen, there, way + ray.direction * seen.t, lit(seen, there, world_.light)) * 0.85f;
}

Vec3 Shader::shade(const Hit& hit, const Vec3& point, const Vec3& way, float shadow) const {
  if (hit.decal >= 0) {
    const Decal& d = world_.decals[hit.decal];
    if (is_opening(d, hit.local)) {
      return d.panel == Panel::window ? outdoors(way, world_.sky) * 1.5f
                                      : mirrored(hit, point, way);
    }
  }
  const float distance = length(way), facing = std::max(0.15f, -dot(hit.normal, way) / distance);
  const Vec3 colour = colour_of(hit, pixel_ * distance / std::sqrt(facing));
  const Material& m = world_.materials[hit.material];
  Vec3 sum = colour * (world_.ambient * (0.8f + 0.2f * hit.normal.y) * occlusion(hit, point));
  for (const Opening& o : openings_) {
    const Vec3 to = o.centre - point;
    const float squared = dot(to, to), in = dot(hit.normal, to), out = -dot(o.normal, to);
    if (out <= 0) continue;
    // A wide source: surfaces turned half away still see a part of it.
    const float wrapped = std::max(0.0f, in / std::sqrt(squared) * 0.75f + 0.25f);
    const float share = o.area * wrapped * (out / std::sqrt(squared)) / (squared + 0.8f);
    sum = sum + colour * world_.sky * (0.55f * share);
  }
  if (shadow > 0) {
    const Vec3 to = world_.light - point;
    const float squared = dot(to, to), inverse = 1 / std::sqrt(squared);
    const float cosine = std::max(0.0f, dot(hit.normal, to) * inverse);
    const Vec3 arriving = world_.light_colour * (shadow * 3.6f / (1.2f + squared));
    sum = sum + colour * arriving * cosine;
    if (m.gloss > 0 && cosine > 0) {
      const Vec3 half = normalized(to * inverse - way * (1 / distance));
      const float c = std::max(0.0f, dot(half, hit.normal)), c4 = c * c * c * c,
                  c16 = c4 * c4 * c4 * c4;
      sum = sum + arriving * (m.gloss * 0.5f * c16 * c16);
    }
  }
  return sum + colour * m.glow;
}

}  // namespace weft::scenes
