// A world as the camera sees it; see render.h. Passes: trace every pixel's centre; shadows with the
// light's place varied over a 4 x 4 pattern, then averaged over it; shade; more rays where surfaces
// meet; labels from the traced surfaces.
#include "data/scenes/render.h"

#include <array>

#include "data/scenes/labels.h"
#include "data/scenes/shade.h"

namespace weft::scenes {
namespace {

/// For each tile of 8 x 8 pixels the solids whose bounds it may show.
class TileMasks {
 public:
  TileMasks(const World& world, int height, int width)
      : across_((width + 7) / 8), masks_(static_cast<size_t>(across_) * ((height + 7) / 8)) {
    const float aspect = static_cast<float>(width) / height;
    for (size_t i = 0; i < world.solids.size(); ++i) {
      const Solid& s = world.solids[i];
      float x0 = 2, x1 = -1, y0 = 2, y1 = -1;
      bool behind = false;
      for (int corner = 0; corner < 8; ++corner) {
        const Vec3 local{corner & 1 ? s.high.x : s.low.x, corner & 2 ? s.high.y : s.low.y,
                         corner & 4 ? s.high.z : s.low.z};
        const Vec3 p = project(world.camera, s.position + s.axes.to_world(local), aspect);
        behind |= p.z < 0.05f;
        x0 = std::min(x0, p.x);
        x1 = std::max(x1, p.x);
        y0 = std::min(y0, p.y);
        y1 = std::max(y1, p.y);
      }
      if (behind) x0 = y0 = 0, x1 = y1 = 1;
      // One pixel of margin: the extra rays leave their pixel's centre.
      const auto tile = [](float at, int size, float margin) {
        return static_cast<int>(std::floor((std::clamp(at, -0.5f, 1.5f) * size + margin) / 8));
      };
      const int down = static_cast<int>(masks_.size()) / across_;
      for (int y = std::max(0, tile(y0, height, -1)); y <= std::min(down - 1, tile(y1, height, 1));
           ++y) {
        for (int x = std::max(0, tile(x0, width, -1));
             x <= std::min(across_ - 1, tile(x1, width, 1)); ++x) {
          masks_[static_cast<size_t>(y) * across_ + x] |= uint64_t{1} << i;
        }
      }
    }
  }
  uint64_t at(int y, int x) const { return masks_[static_cast<size_t>(y / 8) * across_ + x / 8]; }

 private:
  int across_;
  std::vector<uint64_t> masks_;
};

/// Linear light to the screen's 0..1: a soft shoulder, then the sRGB curve, as a table.
class ToneCurve {
 public:
  ToneCurve() {
    for (int i = 0; i <= size; ++i) {
      const float x = most * i / size, shoulder = x * (1 + x * 0.12f) / (1 + x * 0.55f);
      const float v = std::min(1.0f, shoulder);
      table_[i] = v < 0.0031308f ? 12.92f * v : 1.055f * std::pow(v, 1 / 2.4f) - 0.055f;
    }
  }
  float operator()(float x) const {
    const float at = std::clamp(x, 0.0f, most * 0.9999f) * (size / most);
    const int i = static_cast<int>(at);
    return mix(table_[i], table_[i + 1], at - i);
  }

 private:
  static constexpr int size = 2048;
  static constexpr float most = 4;
  std::array<float, size + 1> table_;
};

/// The light reaching each pixel: 0 in full shadow .. 1. One ray a pixel, to a place on the light
/// that the pixel's position in a 4 x 4 pattern decides; the mean over 4 x 4 pixels of one surface.
std::vector<float> soft_shadows(const World& world, const Shader& shader,
                                const std::vector<Hit>& hits, const std::vector<Vec3>& points,
                                int height, int width) {
  std::vector<float> hard(hits.size()), soft(hits.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const size_t i = static_cast<size_t>(y) * width + x;
      const int cell = (y % 4) * 4 + x % 4;
      const float angle = 2.399963f * cell, r = world.light_radius * std::sqrt((cell + 0.5f) / 16);
      const Vec3 light = world.light + Vec3{r * std::cos(angle), 0, r * std::sin(angle)};
      hard[i] = shader.lit(hits[i], points[i], light);
    }
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const size_t i = static_cast<size_t>(y) * width + x;
      const int y0 = std::max(0, y - 2), y1 = std::min(height, y + 2);
      const int x0 = std::max(0, x - 2), x1 = std::min(width, x + 2);
      bool agree = true;
      for (int v = y0; v < y1; ++v) {
        for (int u = x0; u < x1; ++u) agree &= hard[static_cast<size_t>(v) * width + u] == hard[i];
      }
      soft[i] = hard[i];
      if (agree) continue;
      const float near = 0.03f * hits[i].t;
      float sum = 0, count = 0;
      for (int v = y0; v < y1; ++v) {
        for (int u = x0; u < x1; ++u) {
          const size_t j = static_cast<size_t>(v) * width + u;
          if (hits[j].solid != hits[i].solid || dot(hits[j].normal, hits[i].normal) < 0.8f) {
            continue;
          }
          if (std::abs(dot(points[j] - points[i], hits[i].normal)) > near) continue;
          sum += hard[j];
          count += 1;
        }
      }
      soft[i] = sum / count;
    }
  }
  return soft;
}

/// Exposure that brings the mean to a middle gray, within a stop of what the room has.
float exposure(const std::vector<Vec3>& light) {
  double sum = 0;
  for (const Vec3& c : light) sum += std::min(2.0f, 0.3f * c.x + 0.6f * c.y + 0.1f * c.z);
  return std::clamp(0.36f / (static_cast<float>(sum / light.size()) + 1e-3f), 0.55f, 1.9f);
}

Picture develop(const std::vector<Vec3>& light, int height, int width, const Philox& noise) {
  static const ToneCurve tone;
  const float gain = exposure(light),
              strength = 0.012f * static_cast<float>(noise.uniform(0) + 0.3);
  Picture image(height, width, 3);
  uint64_t block = 64;
  std::array<uint32_t, 4> words{};
  for (size_t i = 0; i < light.size(); ++i) {
    const int y = static_cast<int>(i) / width, x = static_cast<int>(i) % width;
    const float dy = 2 * (y + 0.5f) / height - 1, dx = 2 * (x + 0.5f) / width - 1;
    const float bright = gain * (1 - 0.1f * (dx * dx + dy * dy));
    const float channels[3] = {light[i].x, light[i].y, light[i].z};
    for (int c = 0; c < 3; ++c) {
      const size_t element = i * 3 + c;
      if (element % 4 == 0) words = noise.block(block++);
      const uint32_t word = words[element % 4];
      // Four bytes summed are nearly a normal: mean 510, deviation 148.
      const int sum =
          static_cast<int>((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24));
      const float grain = static_cast<float>(sum - 510) * (strength / 148);
      image.pixels[element] = clamp01(tone(channels[c] * bright) + grain);
    }
  }
  return image;
}

}  // namespace

Rendered render(const World& world, int height, int width, const Philox& noise) {
  const float aspect = static_cast<float>(width) / height;
  const size_t count = static_cast<size_t>(height) * width;
  const TileMasks masks(world, height, width);
  const Shader shader(world, 2 * world.camera.tangent / width);
  const auto ray_at = [&](float y, float x) {
    return camera_ray(world.camera, x / width, y / height, aspect);
  };
  std::vector<Hit> hits(count);
  std::vector<Vec3> points(count), light(count);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const size_t i = static_cast<size_t>(y) * width + x;
      const Ray ray = ray_at(y + 0.5f, x + 0.5f);
      hits[i] = nearest(world, ray, masks.at(y, x));
      points[i] = ray.origin + ray.direction * hits[i].t;
    }
  }
  const std::vector<float> shadow = soft_shadows(world, shader, hits, points, height, width);
  for (size_t i = 0; i < count; ++i) {
    light[i] = shader.shade(hits[i], points[i], points[i] - world.camera.position, shadow[i]);
  }
  // Where a neighbour shows another surface: three more rays, the shadow of the pixel they
  // resemble.
  constexpr float offsets[3][2] = {{-0.27f, -0.3f}, {0.3f, -0.05f}, {-0.05f, 0.33f}};
  std::vector<Vec3> smooth = light;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const size_t i = static_cast<size_t>(y) * width + x;
      const size_t near[4] = {x > 0 ? i - 1 : i, x + 1 < width ? i + 1 : i, y > 0 ? i - width : i,
                              y + 1 < height ? i + width : i};
      bool border = false;
      for (size_t j : near) border |= hits[j].surface() != hits[i].surface();
      if (!border) continue;
      Vec3 sum = light[i];
      for (const auto& offset : offsets) {
        const Ray ray = ray_at(y + 0.5f + offset[1], x + 0.5f + offset[0]);
        const Hit hit = nearest(world, ray, masks.at(y, x));
        float lit = shadow[i];
        for (size_t j : near) {
          if (hit.surface() != hits[i].surface() && hits[j].surface() == hit.surface())
            lit = shadow[j];
        }
        const Vec3 way = ray.direction * hit.t;
        sum = sum + shader.shade(hit, ray.origin + way, way, lit);
      }
      smooth[i] = sum * 0.25f;
    }
  }
  Rendered out;
  out.image = develop(smooth, height, width, noise);
  make_labels(world, hits, height, width, noise, out);
  return out;
}

}  // namespace weft::scenes
