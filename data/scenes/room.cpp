// Building a world: the room's size, colours, light and camera, then its furniture (furnish.cpp),
// and in one scene of twenty something odd in mid-air.
#include "data/scenes/furniture.h"
#include "data/scenes/trace.h"

namespace weft::scenes {
namespace {

struct Colours {
  Pattern floor;
  Vec3 first, second;
  float scale;
};

/// Wall, floor and ceiling: each kind of room has its leanings, none a colour of its own.
void paint_room(World& world, Dice& dice) {
  const RoomKind kind = world.kind;
  const float brown = dice.range(0.065f, 0.1f), light = dice.range(0.2f, 0.55f);
  const Vec3 wood = hsv(brown, 0.62f, light), gray = Vec3{1, 1, 1} * dice.range(0.3f, 0.65f);
  const Vec3 cloth = hsv(dice.unit(), dice.range(0.1f, 0.45f), dice.range(0.3f, 0.6f));
  const Colours planks{Pattern::planks, wood, wood * 0.7f, 0.14f};
  const Colours tiles{Pattern::tiles, gray + Vec3{0.2f, 0.2f, 0.18f}, gray * 0.5f,
                      dice.range(0.25f, 0.4f)};
  const Colours checks{Pattern::checker, gray * 0.35f, gray + Vec3{0.3f, 0.3f, 0.27f},
                       dice.range(0.6f, 0.9f)};
  const Colours carpet{Pattern::carpet, cloth, cloth * 0.75f, 0.03f};
  const Colours choice[room_kinds][2] = {{tiles, checks}, {planks, carpet}, {carpet, planks},
                                         {tiles, tiles},  {planks, carpet}, {checks, planks}};
  const Colours& ground = choice[static_cast<int>(kind)][dice.chance(0.65f) ? 0 : 1];
  world.face_material[4] =
      add_material(world, {ground.floor, ground.first, ground.second, ground.scale,
                           ground.floor == Pattern::carpet ? 0.0f : 0.25f, 0, dice.key()});
  const bool office = kind == RoomKind::office;
  world.face_material[5] =
      add_material(world, {office ? Pattern::tiles : Pattern::plaster,
                           {0.85f, 0.85f, 0.83f},
                           office ? Vec3{0.6f, 0.6f, 0.58f} : Vec3{0.79f, 0.79f, 0.77f},
                           office ? 0.6f : 0.3f,
                           0,
                           0,
                           dice.key()});
  const float saturation =
      kind == RoomKind::bedroom || kind == RoomKind::living_room ? 0.4f : 0.22f;
  const Vec3 paint = hsv(dice.unit(), dice.range(0.03f, saturation), dice.range(0.5f, 0.88f));
  Material cover{Pattern::plaster, paint, paint * 0.92f, 0.35f, 0, 0, dice.key()};
  if (kind == RoomKind::bathroom || (kind == RoomKind::kitchen && dice.chance(0.3f))) {
    cover = {Pattern::tiles, mix(paint, {0.85f, 0.87f, 0.88f}, 0.5f),
             paint * 0.55f,  dice.range(0.15f, 0.3f),
             0.4f,           0,
             dice.key()};
  } else if (dice.chance(kind == RoomKind::bedroom || kind == RoomKind::hall ? 0.35f : 0.1f)) {
    cover = {Pattern::stripes,
             paint,
             mix(paint, {0.85f, 0.85f, 0.8f}, 0.4f),
             dice.range(0.12f, 0.3f),
             0,
             0,
             dice.key()};
  }
  const int walls = add_material(world, cover);
  for (int face = 0; face < 4; ++face) world.face_material[face] = walls;
  if (dice.chance(0.25f)) {  // one wall of another colour
    Material other = cover;
    other.pattern = Pattern::plaster;
    other.first = hsv(dice.unit(), dice.range(0.2f, 0.6f), dice.range(0.35f, 0.7f));
    other.second = other.first * 0.92f;
    world.face_material[dice.below(3)] = add_material(world, other);
  }
}

void shape_room(World& world, Dice& dice) {
  struct Extent {
    float w0, w1, d0, d1;
  };
  constexpr Extent extents[room_kinds] = {{2.6f, 3.8f, 3.0f, 4.0f}, {3.0f, 4.2f, 3.3f, 4.3f},
                                          {3.0f, 4.4f, 3.3f, 4.6f}, {2.2f, 3.2f, 2.6f, 3.6f},
                                          {3.4f, 4.8f, 3.6f, 4.8f}, {1.9f, 2.6f, 4.6f, 7.0f}};
  const Extent& e = extents[static_cast<int>(world.kind)];
  world.size = {dice.range(e.w0, e.w1), dice.range(2.4f, 2.9f), dice.range(e.d0, e.d1)};
  const Vec3& size = world.size;
  Camera& camera = world.camera;
  camera.position = {size.x * dice.range(0.22f, 0.78f), dice.range(1.25f, 1.75f),
                     size.z - dice.range(0.12f, 0.35f)};
  const Vec3 target{size.x * dice.range(0.25f, 0.75f), dice.range(0.55f, 1.15f),
                    size.z * dice.range(0.05f, 0.3f)};
  camera.axes.z = normalized(camera.position - target);
  const float roll = dice.range(-0.04f, 0.04f);
  camera.axes.x = normalized(cross({std::sin(roll), std::cos(roll), 0}, camera.axes.z));
  camera.axes.y = cross(camera.axes.z, camera.axes.x);
  camera.tangent = dice.range(0.5f, 0.68f);
  world.light = {size.x * dice.range(0.2f, 0.8f), size.y - 0.3f, size.z * dice.range(0.3f, 0.8f)};
  world.light_colour =
      mix({1, 0.82f, 0.62f}, {0.95f, 0.98f, 1}, dice.unit()) * dice.range(0.9f, 1.3f);
  world.light_radius = dice.range(0.12f, 0.3f);
  world.ambient = dice.range(0.17f, 0.28f);
  world.sky = mix({0.6f, 0.75f, 1}, {1, 0.8f, 0.55f}, dice.chance(0.25f) ? dice.unit() : 0.1f) *
              dice.range(0.7f, 1.2f);
}

/// Hangs the odd object in mid-air, tilted, where the camera sees it before anything else.
void add_odd(World& world, Dice& dice) {
  Ray best;
  float room = 0;
  for (int tries = 0; tries < 12 && room < 2.2f; ++tries) {
    const Ray ray = camera_ray(world.camera, dice.range(0.25f, 0.75f), dice.range(0.2f, 0.6f), 1);
    const float t = nearest(world, ray).t;
    if (t > room) {
      room = t;
      best = ray;
    }
  }
  const float t = std::max(0.5f, std::min(dice.range(1.3f, 2.2f), room - 0.5f));
  Solid& solid = world.solids[add_odd_object(world, dice)];
  solid.position = best.origin + best.direction * t;
  const Axes yaw = Axes::turned(dice.range(0, 6.2831853f));
  const float tilt = dice.range(0.4f, 1.2f), c = std::cos(tilt), s = std::sin(tilt);
  solid.axes = {yaw.x, yaw.y * c + yaw.z * s, yaw.z * c - yaw.y * s};
}

}  // namespace

bool is_opening(const Decal& d, const Vec3& point) {
  if (d.panel != Panel::window && d.panel != Panel::mirror) return false;
  const float u = d.face < 2 ? point.z : point.x, v = point.y;
  if (std::min({u - d.u0, d.u1 - u, v - d.v0, d.v1 - v}) < 0.05f) return false;
  const bool bar = std::abs(u - (d.u0 + d.u1) / 2) < 0.02f;
  return d.panel == Panel::mirror || !bar;
}

World build_world(uint64_t seed, uint32_t number) {
  Dice dice(Philox(seed, Stream::data, number, "scenes.world"));
  World world;
  world.kind = static_cast<RoomKind>(dice.below(room_kinds));
  world.odd = dice.chance(0.05f);
  shape_room(world, dice);
  paint_room(world, dice);
  furnish(world, dice);
  if (world.odd) add_odd(world, dice);
  return world;
}

}  // namespace weft::scenes
