// Exact labels; see labels.h.
//   edges: where solids or classes meet, and within one where the surface breaks: planes have
//     1/depth linear over the picture, so its second difference is 0 but at creases and jumps
//   keypoints: corners of boxes, rooms, windows and doors that no surface hides, as Gaussian bumps
//   void: windows and mirrors have no class, depth or normals; a few blobs lose depth and normals
//     (as depth cameras do) or the class (as annotators do)
#include "data/scenes/labels.h"

namespace weft::scenes {
namespace {

int label_of(const World& world, const Hit& hit) {
  if (hit.solid >= 0) return world.solids[hit.solid].label;
  if (hit.primitive >= 4) return hit.primitive == 4 ? floor_ : ceiling;
  if (hit.decal >= 0 && is_opening(world.decals[hit.decal], hit.local)) return nothing;
  return wall;
}

bool crease(const Hit& before, const Hit& at, const Hit& after) {
  if (dot(before.normal, at.normal) > 0.97f && dot(after.normal, at.normal) > 0.97f) {
    const float bend = 1 / before.t + 1 / after.t - 2 / at.t;
    return std::abs(bend) * at.t > 0.06f;
  }
  return dot(before.normal, at.normal) < 0.8f;
}

Picture edges_of(const World& world, const std::vector<Hit>& hits, int height, int width) {
  Picture marks(height, width, 1), soft(height, width, 1);
  const auto differ = [&](const Hit& a, const Hit& b) {
    return a.solid != b.solid || label_of(world, a) != label_of(world, b) || a.decal != b.decal;
  };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const size_t i = static_cast<size_t>(y) * width + x;
      const size_t left = x > 0 ? i - 1 : i, right = x + 1 < width ? i + 1 : i;
      const size_t up = y > 0 ? i - width : i, down = y + 1 < height ? i + width : i;
      const bool mark = differ(hits[left], hits[i]) || differ(hits[up], hits[i]) ||
                        crease(hits[left], hits[i], hits[right]) ||
                        crease(hits[up], hits[i], hits[down]);
      marks.pixels[i] = mark ? 1.0f : 0.0f;
    }
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      float most = 0;
      for (int v = std::max(0, y - 1); v <= std::min(height - 1, y + 1); ++v) {
        for (int u = std::max(0, x - 1); u <= std::min(width - 1, x + 1); ++u) {
          const int away = std::abs(v - y) + std::abs(u - x);
          most = std::max(most, *marks.at(v, u) * (away == 0 ? 1.0f : away == 1 ? 0.45f : 0.25f));
        }
      }
      *soft.at(y, x) = most;
    }
  }
  return soft;
}

/// A corner worth finding, and the solid it belongs to (-1: the room).
struct Corner {
  Vec3 point;
  int solid;
};

std::vector<Corner> corners_of(const World& world) {
  std::vector<Corner> corners;
  for (int i = 0; i < 8; ++i) {
    corners.push_back(
        {{i & 1 ? world.size.x : 0, i & 2 ? world.size.y : 0, i & 4 ? world.size.z : 0}, -1});
  }
  for (const Decal& d : world.decals) {
    for (float u : {d.u0, d.u1}) {
      for (float v : {d.v0, d.v1}) {
        const Vec3 at[5] = {
            {0, v, u}, {world.size.x, v, u}, {u, v, 0}, {u, v, world.size.z}, {u, 0, v}};
        corners.push_back({at[d.face], -1});
      }
    }
  }
  for (size_t s = 0; s < world.solids.size(); ++s) {
    const Solid& solid = world.solids[s];
    for (int k = solid.first; k < solid.last; ++k) {
      const Primitive& p = world.primitives[k];
      // Slats and legs have corners too near to each other to tell apart.
      const float a = p.half.x, b = p.half.y, c = p.half.z;
      if (p.form != Form::box || std::max(std::min(a, b), std::min(std::max(a, b), c)) < 0.1f)
        continue;
      for (int i = 0; i < 8; ++i) {
        const Vec3 local{i & 1 ? a : -a, i & 2 ? b : -b, i & 4 ? c : -c};
        corners.push_back(
            {solid.position + solid.axes.to_world(p.centre + local), static_cast<int>(s)});
      }
    }
  }
  return corners;
}

Picture keypoints_of(const World& world, const std::vector<Hit>& hits, int height, int width) {
  Picture map(height, width, 1);
  const float aspect = static_cast<float>(width) / height;
  const float sigma = std::max(1.0f, 0.014f * std::min(height, width));
  const int reach = static_cast<int>(std::ceil(3 * sigma));
  for (const Corner& corner : corners_of(world)) {
    const Vec3 p = project(world.camera, corner.point, aspect);
    if (p.z < 0.1f) continue;
    const float px = p.x * width - 0.5f, py = p.y * height - 0.5f;
    if (px < -0.5f || py < -0.5f || px > width - 0.5f || py > height - 0.5f) continue;
    const int cx = static_cast<int>(std::lround(px)), cy = static_cast<int>(std::lround(py));
    bool visible = false;
    for (int y = std::max(0, cy - 1); y <= std::min(height - 1, cy + 1); ++y) {
      for (int x = std::max(0, cx - 1); x <= std::min(width - 1, cx + 1); ++x) {
        const Hit& hit = hits[static_cast<size_t>(y) * width + x];
        visible |= hit.solid == corner.solid && std::abs(hit.t - p.z) < 0.035f * p.z;
      }
    }
    if (!visible) continue;
    for (int y = std::max(0, cy - reach); y <= std::min(height - 1, cy + reach); ++y) {
      for (int x = std::max(0, cx - reach); x <= std::min(width - 1, cx + reach); ++x) {
        const float dx = x - px, dy = y - py;
        const float bump = std::exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
        *map.at(y, x) = std::max(*map.at(y, x), bump);
      }
    }
  }
  return map;
}

/// Ellipses that lost a measurement.
void punch_blobs(Dice& dice, int most, float radius, std::initializer_list<Picture*> pictures) {
  const int height = (*pictures.begin())->height, width = (*pictures.begin())->width;
  for (int i = dice.below(most + 1); i > 0; --i) {
    const float cx = dice.unit() * width, cy = dice.unit() * height;
    const float rx = dice.range(0.3f, 1) * radius * width,
                ry = dice.range(0.3f, 1) * radius * height;
    for (int y = std::max(0, static_cast<int>(cy - ry)); y < std::min<float>(height, cy + ry + 1);
         ++y) {
      for (int x = std::max(0, static_cast<int>(cx - rx)); x < std::min<float>(width, cx + rx + 1);
           ++x) {
        const float dx = (x + 0.5f - cx) / rx, dy = (y + 0.5f - cy) / ry;
        if (dx * dx + dy * dy > 1) continue;
        for (Picture* picture : pictures)
          std::fill_n(picture->at(y, x), picture->channels, invalid_pixel);
      }
    }
  }
}

}  // namespace

void make_labels(const World& world, const std::vector<Hit>& hits, int height, int width,
                 const Philox& noise, Rendered& out) {
  out.segmentation = out.depth = Picture(height, width, 1, invalid_pixel);
  out.normals = Picture(height, width, 3, invalid_pixel);
  for (size_t i = 0; i < hits.size(); ++i) {
    const Hit& hit = hits[i];
    const int label = label_of(world, hit);
    if (label != nothing) out.segmentation.pixels[i] = static_cast<float>(label);
    if (label == nothing && hit.solid < 0) continue;  // glass
    const Vec3 normal = world.camera.axes.to_local(hit.normal);
    out.depth.pixels[i] = hit.t;
    out.normals.pixels[3 * i] = normal.x;
    out.normals.pixels[3 * i + 1] = normal.y;
    out.normals.pixels[3 * i + 2] = normal.z;
  }
  out.edges = edges_of(world, hits, height, width);
  out.keypoints = keypoints_of(world, hits, height, width);
  Dice dice(noise);
  punch_blobs(dice, 3, 0.07f, {&out.depth, &out.normals});
  punch_blobs(dice, 1, 0.05f, {&out.segmentation});
}

}  // namespace weft::scenes
