// Procedural colour; see texture.h. Noise is a hash of lattice points, blended smoothly.
#include "data/scenes/texture.h"

namespace weft::scenes {
namespace {

uint32_t scramble(uint32_t x, uint32_t y, uint32_t key) {
  uint32_t h = x * 0x85EBCA6BU ^ y * 0xC2B2AE35U ^ key;
  h = (h ^ h >> 15) * 0x2C1B3C6DU;
  h = (h ^ h >> 12) * 0x297A2D39U;
  return h ^ h >> 15;
}

float hash_unit(int x, int y, uint32_t key) {
  return static_cast<float>(scramble(x, y, key) >> 8) * (1.0f / 16777216);
}

/// Smooth noise in 0..1 with lattice distance 1.
float noise(float u, float v, uint32_t key) {
  const float fu = std::floor(u), fv = std::floor(v);
  const int x = static_cast<int>(fu), y = static_cast<int>(fv);
  const float a = u - fu, b = v - fv;
  const float s = a * a * (3 - 2 * a), t = b * b * (3 - 2 * b);
  return mix(mix(hash_unit(x, y, key), hash_unit(x + 1, y, key), s),
             mix(hash_unit(x, y + 1, key), hash_unit(x + 1, y + 1, key), s), t);
}

/// The part of [u - w/2, u + w/2] that lies in the first `duty` of each period of 1.
float covered(float u, float duty, float w) {
  w = std::max(w, 1e-4f);
  const auto integral = [&](float x) {
    const float whole = std::floor(x);
    return whole * duty + std::min(x - whole, duty);
  };
  return (integral(u + w / 2) - integral(u - w / 2)) / w;
}

/// How much of a pattern of this size is left in a footprint: 1 near, 0 far.
float kept(float size, float w) { return clamp01(1.6f - 1.2f * w / size); }

Vec3 tiles(const Material& m, float u, float v, float w) {
  const float s = 1 / m.scale, grout = 0.035f;
  const float lines = 1 - (1 - covered(u * s, grout, w * s)) * (1 - covered(v * s, grout, w * s));
  const int x = static_cast<int>(std::floor(u * s)), y = static_cast<int>(std::floor(v * s));
  const float tint = 1 + 0.12f * (hash_unit(x, y, m.key) - 0.5f) * kept(m.scale, w);
  return mix(m.first * tint, m.second, lines);
}

Vec3 grain(const Material& m, float u, float v, float w, uint32_t key) {
  const float wave =
      noise(u * 2.2f, v / m.scale, key) + 0.5f * noise(u * 5, v * 4 / m.scale, key + 1);
  const float ring = 0.5f + 0.5f * std::sin(wave * 14);
  return mix(m.first, m.second, mix(0.5f, ring, kept(m.scale * 0.5f, w)) * 0.75f);
}

Vec3 planks(const Material& m, float u, float v, float w) {
  const float row = std::floor(u / m.scale), length = 1.3f;
  const float shift = hash_unit(static_cast<int>(row), 7, m.key) * length;
  const float along = (v + shift) / length;
  const int board = static_cast<int>(std::floor(along));
  const float tint = 0.82f + 0.36f * hash_unit(static_cast<int>(row), board, m.key + 3);
  const float gaps =
      1 - (1 - covered(u / m.scale, 0.05f, w / m.scale)) * (1 - covered(along, 0.008f, w / length));
  const Material wood{Pattern::wood, m.first, mix(m.first, m.second, 0.6f), 0.05f, 0, 0, 0};
  const uint32_t key = m.key + scramble(static_cast<uint32_t>(row), board, 5);
  return mix(grain(wood, v, u, w, key) * mix(1.0f, tint, kept(m.scale * 2, w)), m.second * 0.45f,
             gaps);
}

Vec3 books(const Material& m, float u, float v, float w) {
  const float shelf = v / m.scale, up = shelf - std::floor(shelf);
  const int level = static_cast<int>(std::floor(shelf));
  const float thick = 0.045f;
  const int book = static_cast<int>(std::floor(u / thick));
  const float height = 0.55f + 0.33f * hash_unit(book, level, m.key);
  const float board = covered(shelf, 0.07f, w / m.scale);
  const float hue = hash_unit(book, level, m.key + 1);
  const float deep = 0.35f + 0.5f * hash_unit(book, level, m.key + 2);
  Vec3 cover =
      Vec3{0.5f + 0.5f * std::cos(6.28f * hue), 0.5f + 0.5f * std::cos(6.28f * (hue - 0.33f)),
           0.5f + 0.5f * std::cos(6.28f * (hue - 0.67f))};
  cover = mix({0.5f, 0.45f, 0.4f}, cover, 0.6f) * deep;
  const float seam = covered(u / thick, 0.12f, w / thick);
  const Vec3 back{0.04f, 0.03f, 0.03f};
  const Vec3 spine = mix(cover, back, seam * 0.8f);
  return mix(up < height ? spine : back, m.first, board);
}

Vec3 painting(const Material& m, float u, float v) {
  const float s = 1.3f / m.scale;
  const float a = noise(u * s + 7, v * s, m.key),
              b = noise(u * s * 2.3f, v * s * 2.3f + 5, m.key + 1);
  const float horizon = smooth_step(0.35f, 0.5f, v / m.scale * 0.5f + 0.35f * (a - 0.5f));
  const Vec3 sky = mix({0.85f, 0.85f, 0.78f}, m.first, a), land = mix(m.second, m.second * 0.4f, b);
  return mix(land, sky, horizon);
}

Vec3 screen(const Material& m, float u, float v, float w) {
  const float bar = covered(v / m.scale * 3.5f, 0.55f, w * 3.5f / m.scale);
  const float text = noise(u * 40, std::floor(v / m.scale * 14), m.key);
  const Vec3 page = mix(m.first, {0.8f, 0.85f, 0.9f}, bar);
  return mix(page, m.second, (text > 0.6f ? 0.6f : 0.0f) * kept(0.04f, w));
}

}  // namespace

Vec3 albedo(const Material& m, const SurfacePoint& p) {
  const float u = p.u, v = p.v, w = p.footprint, s = 1 / m.scale;
  switch (m.pattern) {
    case Pattern::plain:
      return m.first;
    case Pattern::checker: {
      const float a = covered(u * s, 0.5f, w * s), b = covered(v * s, 0.5f, w * s);
      return mix(m.first, m.second, a + b - 2 * a * b);
    }
    case Pattern::stripes:
      return mix(m.first, m.second, covered(u * s, 0.5f, w * s));
    case Pattern::tiles:
      return tiles(m, u, v, w);
    case Pattern::planks:
      return planks(m, u, v, w);
    case Pattern::wood:
      return grain(m, u, v, w, m.key);
    case Pattern::plaster: {
      const float n = noise(u * s, v * s, m.key) + 0.5f * noise(u * s * 4, v * s * 4, m.key + 1);
      return mix(m.first, m.second, n);
    }
    case Pattern::carpet: {
      const float n = noise(u * s, v * s, m.key) - 0.5f;
      return mix(m.first, m.second, 0.5f + n * 1.6f * kept(m.scale, w * 0.7f));
    }
    case Pattern::dots: {
      const float du = u * s - std::floor(u * s) - 0.5f, dv = v * s - std::floor(v * s) - 0.5f;
      const float soft = 0.04f + w * s;
      const float inside = 1 - smooth_step(0.3f - soft, 0.3f + soft, std::sqrt(du * du + dv * dv));
      return mix(m.first, m.second, mix(0.28f, inside, kept(m.scale, w)));
    }
    case Pattern::fronts: {
      if (!p.front) return m.first;
      const float seam = 0.03f;
      const float lines = 1 - (1 - covered(u * s + seam / 2, seam, w * s)) *
                                  (1 - covered(v * s * 0.999f + seam / 2, seam, w * s));
      const float du = u * s - std::floor(u * s) - 0.5f, dv = v * s - std::floor(v * s) - 0.72f;
      const float knob =
          (1 - smooth_step(0.04f, 0.05f + w * s, std::sqrt(du * du * 0.15f + dv * dv)));
      return mix(m.first, m.second, std::max(lines, 0.8f * knob * kept(0.1f, w)));
    }
    case Pattern::books:
      return p.front ? books(m, u, v, w) : m.first;
    case Pattern::painting:
      return p.front ? painting(m, u, v) : m.first;
    default:
      return p.front ? screen(m, u, v, w) : m.first;
  }
}

Vec3 outdoors(const Vec3& direction, const Vec3& sky) {
  const Vec3 d = normalized(direction);
  const float around = std::atan2(d.x, d.z) * 3, up = d.y;
  const float far_hill = 0.04f + 0.1f * noise(around, 1, 11),
              near_hill = -0.06f + 0.14f * noise(around * 2.1f, 5, 23);
  const Vec3 haze = mix(sky, {1, 1, 1}, 0.6f);
  Vec3 colour = mix(haze * 1.15f, sky * 0.95f, clamp01(up * 2.2f));
  colour = mix(colour, haze * 0.55f, 1 - smooth_step(far_hill - 0.01f, far_hill + 0.01f, up));
  colour = mix(colour, Vec3{0.2f, 0.32f, 0.14f} * (sky.y + 0.2f),
               1 - smooth_step(near_hill - 0.01f, near_hill + 0.01f, up));
  return colour;
}

}  // namespace weft::scenes
