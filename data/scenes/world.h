// A scene before it is rendered: a room, the solids in it, their materials, a light and a camera.
// build_world(seed, number) is a pure function by Philox; nothing is stored anywhere.
// Solids are built of primitives in their own axes, y = 0 at their feet, front towards +z.
#pragma once

#include <cstdint>
#include <vector>

#include "data/scenes/vec3.h"
#include "engine/philox.h"

namespace weft::scenes {

/// Segmentation's classes. Windows, mirrors and the odd object are `nothing`: void.
enum Label : int8_t {
  nothing = -1,
  wall,
  floor_,
  ceiling,
  table,
  chair,
  sofa,
  bed,
  cabinet,
  lamp,
  plant,
  ball,
  picture,
  basin,
  label_count
};

enum class RoomKind : uint8_t { kitchen, bedroom, office, bathroom, living_room, hall };
constexpr int room_kinds = 6;

enum class Pattern : uint8_t {
  plain,
  checker,
  stripes,
  tiles,
  planks,
  wood,
  plaster,
  carpet,
  fronts,
  books,
  painting,
  screen,
  dots
};

struct Material {
  Pattern pattern = Pattern::plain;
  Vec3 first, second;
  float scale = 1;  ///< the pattern's period in metres
  float gloss = 0;  ///< strength of the highlight
  float glow = 0;   ///< light of its own
  uint32_t key = 0;
};

/// box: half extents. cone: half = (radius at the bottom, half height, radius at the top).
/// ellipsoid: radii. ring: a torus about y, half.x the large and half.y the small radius.
enum class Form : uint8_t { box, cone, ellipsoid, ring };

struct Primitive {
  Form form;
  Vec3 centre, half;
  int material;
};

struct Solid {
  Label label;
  Vec3 position;
  Axes axes;
  Vec3 low, high;           ///< bounds in its own axes
  int first = 0, last = 0;  ///< its primitives
  bool footed = true;       ///< stands on the floor with its whole footprint
};

/// A rectangle on a wall, of no thickness. u runs along the wall, v up.
enum class Panel : uint8_t { window, door, mirror, rug };
struct Decal {
  Panel panel;
  int face;  ///< 0: x = 0, 1: x = width, 2: z = 0, 3: z = depth, 4: the floor, 5: the ceiling
  float u0, u1, v0, v1;
  int material;
};

/// Whether a point on the wall lies in the glass of a window or a mirror, inside its frame and
/// bars.
bool is_opening(const Decal& decal, const Vec3& point);

struct Camera {
  Vec3 position;
  Axes axes;          ///< x right, y up, z towards the viewer (against the viewing direction)
  float tangent = 1;  ///< of half the horizontal field of view
};

struct World {
  RoomKind kind = RoomKind::kitchen;
  bool odd = false;
  Vec3 size;  ///< of the room; it spans 0 .. size
  int face_material[6] = {};
  Camera camera;
  Vec3 light, light_colour, sky;
  float light_radius = 0.2f, ambient = 0.3f;
  std::vector<Material> materials;
  std::vector<Primitive> primitives;
  std::vector<Solid> solids;
  std::vector<Decal> decals;
};

/// Random numbers one after the other, from Philox's elements 0, 1, 2, ...
class Dice {
 public:
  explicit Dice(const Philox& philox) : philox_(philox) {}

  float unit() { return static_cast<float>(philox_.uniform(next_++)); }
  float range(float from, float to) { return from + (to - from) * unit(); }
  int below(int n) { return static_cast<int>(philox_.below(next_++, n)); }
  bool chance(float probability) { return unit() < probability; }
  uint32_t key() { return philox_.word(next_++); }

 private:
  Philox philox_;
  uint64_t next_ = 0;
};

World build_world(uint64_t seed, uint32_t number);

}  // namespace weft::scenes
