// Light and colour of one surface point: lamp (diffuse and highlight, shadowed), windows (a soft
// fill without shadow), ambient light darkened in corners and near what stands on the floor.
#pragma once

#include "data/scenes/trace.h"

namespace weft::scenes {

class Shader {
 public:
  /// pixel: the width of a pixel at distance 1.
  Shader(const World& world, float pixel);

  /// 1 where `point` sees the place `light` on the lamp, else 0.
  float lit(const Hit& hit, const Vec3& point, const Vec3& light) const;
  /// Linear RGB towards the eye; `way` leads from the eye to the point, with its length.
  Vec3 shade(const Hit& hit, const Vec3& point, const Vec3& way, float shadow) const;

 private:
  struct Opening {
    Vec3 centre, normal;
    float area;
  };

  Vec3 colour_of(const Hit& hit, float footprint) const;
  float occlusion(const Hit& hit, const Vec3& point) const;
  Vec3 mirrored(const Hit& hit, const Vec3& point, const Vec3& way) const;

  const World& world_;
  float pixel_;
  uint64_t casters_ = 0;  ///< solids that throw shadows: all but the lamp that shines
  std::vector<Opening> openings_;
};

}  // namespace weft::scenes
