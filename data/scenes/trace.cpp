// Rays against a world; see trace.h. A solid's bounds are tried first, in its own axes.
#include "data/scenes/trace.h"

#include <utility>

namespace weft::scenes {
namespace {

constexpr float least = 1e-4f;

/// Entry and exit of a box around `centre`; false where the ray misses it.
inline bool slabs(const Ray& ray, const Vec3& inverse, const Vec3& low, const Vec3& high,
                  float& enter, float& leave) {
  float a = (low.x - ray.origin.x) * inverse.x, b = (high.x - ray.origin.x) * inverse.x;
  enter = std::min(a, b);
  leave = std::max(a, b);
  a = (low.y - ray.origin.y) * inverse.y;
  b = (high.y - ray.origin.y) * inverse.y;
  enter = std::max(enter, std::min(a, b));
  leave = std::min(leave, std::max(a, b));
  a = (low.z - ray.origin.z) * inverse.z;
  b = (high.z - ray.origin.z) * inverse.z;
  enter = std::max(enter, std::min(a, b));
  leave = std::min(leave, std::max(a, b));
  return enter <= leave;
}

inline float inverse_of(float v) { return 1 / (std::abs(v) < 1e-9f ? std::copysign(1e-9f, v) : v); }

/// Each of these lowers `t` and sets the normal where the primitive is met before `t`.
bool meet_box(const Primitive& p, const Ray& ray, const Vec3& inverse, float& t, Vec3& normal) {
  float enter, leave;
  if (!slabs(ray, inverse, p.centre - p.half, p.centre + p.half, enter, leave)) return false;
  if (enter < least || enter >= t) return false;
  t = enter;
  const Vec3 at = ray.origin + ray.direction * t - p.centre;
  const float x = std::abs(std::abs(at.x) - p.half.x), y = std::abs(std::abs(at.y) - p.half.y),
              z = std::abs(std::abs(at.z) - p.half.z);
  if (x <= y && x <= z) {
    normal = {std::copysign(1.0f, at.x), 0, 0};
  } else if (y <= z) {
    normal = {0, std::copysign(1.0f, at.y), 0};
  } else {
    normal = {0, 0, std::copysign(1.0f, at.z)};
  }
  return true;
}

bool meet_cone(const Primitive& p, const Ray& ray, float& t, Vec3& normal) {
  const Vec3 o = ray.origin - p.centre, d = ray.direction;
  const float h = p.half.y, slope = (p.half.z - p.half.x) / (2 * h);
  const float r = p.half.x + slope * (o.y + h);
  const float a = d.x * d.x + d.z * d.z - slope * slope * d.y * d.y;
  const float b = o.x * d.x + o.z * d.z - slope * r * d.y;
  const float c = o.x * o.x + o.z * o.z - r * r;
  bool met = false;
  const float root = b * b - a * c;
  if (root > 0 && std::abs(a) > 1e-12f) {
    const float s = std::sqrt(root);
    for (float at : {(-b - s) / a, (-b + s) / a}) {
      const float y = o.y + at * d.y;
      if (at < least || at >= t || std::abs(y) > h || r + slope * at * d.y < 0) continue;
      t = at;
      normal = normalized({o.x + at * d.x, -slope * (r + slope * at * d.y), o.z + at * d.z});
      met = true;
    }
  }
  for (float side : {-1.0f, 1.0f}) {
    const float radius = side < 0 ? p.half.x : p.half.z, at = (side * h - o.y) * inverse_of(d.y);
    const float x = o.x + at * d.x, z = o.z + at * d.z;
    if (at < least || at >= t || x * x + z * z > radius * radius) continue;
    t = at;
    normal = {0, side, 0};
    met = true;
  }
  return met;
}

bool meet_ellipsoid(const Primitive& p, const Ray& ray, float& t, Vec3& normal) {
  const Vec3 scale{1 / p.half.x, 1 / p.half.y, 1 / p.half.z};
  const Vec3 o = (ray.origin - p.centre) * scale, d = ray.direction * scale;
  const float a = dot(d, d), b = dot(o, d), c = dot(o, o) - 1, root = b * b - a * c;
  if (root <= 0) return false;
  const float at = (-b - std::sqrt(root)) / a;
  if (at < least || at >= t) return false;
  t = at;
  normal = normalized((o + d * at) * scale);
  return true;
}

/// Marches along the ray by the distance to the ring.
bool meet_ring(const Primitive& p, const Ray& ray, float& t, Vec3& normal) {
  const float speed = length(ray.direction), reach = p.half.x + p.half.y;
  const Vec3 o = ray.origin - p.centre;
  const float closest = -dot(o, ray.direction) / (speed * speed);
  float at = std::max(least, closest - 1.8f * reach / speed);
  for (int i = 0; i < 64 && at < t; ++i) {
    const Vec3 q = o + ray.direction * at;
    const float around = std::sqrt(q.x * q.x + q.z * q.z);
    const float out = around - p.half.x, away = std::sqrt(out * out + q.y * q.y) - p.half.y;
    if (away < 5e-4f) {
      t = at;
      normal = normalized({q.x * out / around, q.y, q.z * out / around});
      return true;
    }
    if ((at - closest) * speed > 2 * reach) return false;
    at += away / speed;
  }
  return false;
}

bool meet(const Primitive& p, const Ray& ray, const Vec3& inverse, float& t, Vec3& normal) {
  switch (p.form) {
    case Form::box:
      return meet_box(p, ray, inverse, t, normal);
    case Form::cone:
      return meet_cone(p, ray, t, normal);
    case Form::ellipsoid:
      return meet_ellipsoid(p, ray, t, normal);
    default:
      return meet_ring(p, ray, t, normal);
  }
}

/// The ray in a solid's own axes.
inline Ray localised(const Solid& solid, const Ray& ray) {
  return {solid.axes.to_local(ray.origin - solid.position), solid.axes.to_local(ray.direction)};
}

void meet_room(const World& world, const Ray& ray, Hit& hit) {
  const Vec3 o = ray.origin, d = ray.direction;
  const auto axis = [&](float from, float along, float size, int low_face, int high_face) {
    const float t = ((along > 0 ? size : 0) - from) * inverse_of(along);
    if (t < hit.t && t > 0) {
      hit.t = t;
      hit.primitive = along > 0 ? high_face : low_face;
    }
  };
  axis(o.x, d.x, world.size.x, 0, 1);
  axis(o.y, d.y, world.size.y, 4, 5);
  axis(o.z, d.z, world.size.z, 2, 3);
  constexpr Vec3 inward[6] = {{1, 0, 0}, {-1, 0, 0}, {0, 0, 1}, {0, 0, -1}, {0, 1, 0}, {0, -1, 0}};
  hit.normal = hit.local_normal = inward[std::max(hit.primitive, 0)];
  hit.local = o + d * hit.t;
  hit.material = world.face_material[std::max(hit.primitive, 0)];
  for (size_t i = 0; i < world.decals.size(); ++i) {
    const Decal& decal = world.decals[i];
    if (decal.face != hit.primitive) continue;
    const float u = decal.face < 2 ? hit.local.z : hit.local.x;
    const float v = decal.face < 4 ? hit.local.y : hit.local.z;
    if (u > decal.u0 && u < decal.u1 && v > decal.v0 && v < decal.v1) {
      hit.decal = static_cast<int>(i);
      hit.material = decal.material;
    }
  }
}

}  // namespace

Hit nearest(const World& world, const Ray& ray, uint64_t candidates) {
  Hit hit;
  meet_room(world, ray, hit);
  const int count = static_cast<int>(world.solids.size());
  for (int i = 0; i < count; ++i) {
    if (!(candidates >> i & 1)) continue;
    const Solid& solid = world.solids[i];
    const Ray local = localised(solid, ray);
    const Vec3 inverse{inverse_of(local.direction.x), inverse_of(local.direction.y),
                       inverse_of(local.direction.z)};
    float enter, leave;
    if (!slabs(local, inverse, solid.low, solid.high, enter, leave)) continue;
    if (leave < least || enter >= hit.t) continue;
    Vec3 normal;
    for (int k = solid.first; k < solid.last; ++k) {
      if (!meet(world.primitives[k], local, inverse, hit.t, normal)) continue;
      hit.solid = i;
      hit.primitive = k - solid.first;
      hit.decal = -1;
      hit.material = world.primitives[k].material;
      hit.local = local.origin + local.direction * hit.t;
      hit.local_normal = normal;
    }
  }
  if (hit.solid >= 0) {
    if (dot(hit.local_normal, world.solids[hit.solid].axes.to_local(ray.direction)) > 0) {
      hit.local_normal = -hit.local_normal;  // the inside of an open cone
    }
    hit.normal = world.solids[hit.solid].axes.to_world(hit.local_normal);
  }
  return hit;
}

bool blocked(const World& world, const Vec3& from, const Vec3& to, uint64_t candidates) {
  const Ray ray{from, to - from};
  const float squared = dot(ray.direction, ray.direction);
  const int count = static_cast<int>(world.solids.size());
  for (int i = 0; i < count; ++i) {
    if (!(candidates >> i & 1)) continue;
    const Solid& solid = world.solids[i];
    // The ball around the bounds: a few operations settle most solids.
    const Vec3 middle = (solid.low + solid.high) * 0.5f, half = (solid.high - solid.low) * 0.5f;
    const Vec3 way = solid.position + solid.axes.to_world(middle) - from;
    const float along = std::clamp(dot(way, ray.direction) / squared, 0.0f, 1.0f);
    const Vec3 miss = way - ray.direction * along;
    if (dot(miss, miss) > dot(half, half)) continue;
    const Ray local = localised(solid, ray);
    const Vec3 inverse{inverse_of(local.direction.x), inverse_of(local.direction.y),
                       inverse_of(local.direction.z)};
    float enter, leave;
    if (!slabs(local, inverse, solid.low, solid.high, enter, leave)) continue;
    if (leave < 1e-3f || enter >= 1) continue;
    Vec3 normal;
    for (int k = solid.first; k < solid.last; ++k) {
      float t = 1;
      if (meet(world.primitives[k], local, inverse, t, normal)) return true;
    }
  }
  return false;
}

Vec3 project(const Camera& camera, const Vec3& point, float aspect) {
  const Vec3 p = camera.axes.to_local(point - camera.position);
  const float depth = -p.z, scale = 0.5f / (std::max(depth, 1e-6f) * camera.tangent);
  return {0.5f + p.x * scale, 0.5f - p.y * scale * aspect, depth};
}

Ray camera_ray(const Camera& camera, float x, float y, float aspect) {
  const Vec3 local{(2 * x - 1) * camera.tangent, (1 - 2 * y) * camera.tangent / aspect, -1};
  return {camera.position, camera.axes.to_world(local)};
}

}  // namespace weft::scenes
