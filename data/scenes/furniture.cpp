// The things that stand in a room; see furniture.h. Sizes in metres, y up, front towards +z.
#include "data/scenes/furniture.h"

namespace weft::scenes {

Vec3 hsv(float hue, float saturation, float value) {
  const float h = (hue - std::floor(hue)) * 6;
  const auto channel = [&](float offset) {
    const float k = std::fmod(offset + h, 6.0f);
    return value * (1 - saturation * clamp01(std::min(k, 4 - k)));
  };
  return {channel(5), channel(3), channel(1)};
}

int add_material(World& world, Material material) {
  material.key = static_cast<uint32_t>(world.materials.size() + 1) * 0x9E3779B9U ^ material.key;
  world.materials.push_back(material);
  return static_cast<int>(world.materials.size()) - 1;
}

Style make_style(World& world, Dice& dice, RoomKind kind) {
  Style style;
  const float brown = dice.range(0.07f, 0.105f), light = dice.range(0.2f, 0.7f);
  const Vec3 wood = hsv(brown, mix(0.75f, 0.6f, light), light);
  style.wood = add_material(
      world, {Pattern::wood, wood, wood * 0.62f, dice.range(0.07f, 0.14f), 0.15f, 0, dice.key()});
  style.metal = add_material(
      world, {Pattern::plain, Vec3{1, 1, 1} * dice.range(0.25f, 0.6f), {}, 1, 0.8f, 0, 0});
  const float tint = dice.unit();
  style.white =
      add_material(world, {Pattern::plain,
                           mix({0.86f, 0.86f, 0.84f}, hsv(tint, 0.25f, 0.8f), dice.unit() * 0.5f),
                           {},
                           1,
                           0.35f,
                           0,
                           0});
  const float hue = dice.unit();
  const bool calm = kind == RoomKind::office || kind == RoomKind::hall;
  const Vec3 fabric = hsv(hue, dice.range(0.15f, calm ? 0.4f : 0.75f), dice.range(0.2f, 0.75f));
  const Pattern weave[] = {Pattern::carpet, Pattern::carpet, Pattern::stripes, Pattern::dots};
  style.fabric =
      add_material(world, {weave[dice.below(4)], fabric, mix(fabric, {0.8f, 0.8f, 0.75f}, 0.5f),
                           dice.range(0.08f, 0.2f), 0, 0, dice.key()});
  style.accent = add_material(
      world, {Pattern::plain, hsv(hue + dice.range(0.3f, 0.7f), 0.7f, 0.7f), {}, 1, 0.2f, 0, 0});
  style.dark = add_material(
      world, {Pattern::plain, Vec3{1, 1, 1} * dice.range(0.03f, 0.09f), {}, 1, 0.5f, 0, 0});
  return style;
}

void Builder::add(Form form, Vec3 centre, Vec3 half, int material) {
  world_.primitives.push_back({form, centre, half, material});
}

int Builder::finish(bool footed) {
  solid_.last = static_cast<int>(world_.primitives.size());
  solid_.footed = footed;
  solid_.low = {1e9f, 1e9f, 1e9f};
  solid_.high = -solid_.low;
  for (int i = solid_.first; i < solid_.last; ++i) {
    const Primitive& p = world_.primitives[i];
    Vec3 reach = p.half;
    if (p.form == Form::cone) reach.x = reach.z = std::max(p.half.x, p.half.z);
    if (p.form == Form::ring) reach = {p.half.x + p.half.y, p.half.y, p.half.x + p.half.y};
    const Vec3 low = p.centre - reach, high = p.centre + reach;
    solid_.low = {std::min(solid_.low.x, low.x), std::min(solid_.low.y, low.y),
                  std::min(solid_.low.z, low.z)};
    solid_.high = {std::max(solid_.high.x, high.x), std::max(solid_.high.y, high.y),
                   std::max(solid_.high.z, high.z)};
  }
  world_.solids.push_back(solid_);
  return static_cast<int>(world_.solids.size()) - 1;
}

int add_table(World& world, Dice& dice, const Style& s, float width, float depth, float height) {
  Builder b(world, table);
  const float w = width / 2, d = depth / 2, top = 0.025f;
  const int leg = dice.chance(0.5f) ? s.wood : s.metal;
  if (dice.chance(0.25f) && width < 1.3f) {  // round, on one foot
    b.cone({0, height - top, 0}, w, top, w, s.wood);
    b.cone({0, height / 2, 0}, 0.06f, height / 2 - top, 0.04f, leg);
    b.cone({0, 0.02f, 0}, w * 0.6f, 0.02f, w * 0.5f, leg);
    return b.finish(false);
  }
  b.box({0, height - top, 0}, {w, top, d}, dice.chance(0.2f) ? s.white : s.wood);
  const float in = 0.05f, half = (height - 2 * top) / 2;
  for (float x : {-1.0f, 1.0f}) {
    for (float z : {-1.0f, 1.0f}) {
      b.box({x * (w - in), half, z * (d - in)}, {0.03f, half, 0.03f}, leg);
    }
  }
  return b.finish(false);
}

int add_chair(World& world, Dice& dice, const Style& s) {
  Builder b(world, chair);
  const float w = dice.range(0.19f, 0.24f), seat = dice.range(0.42f, 0.48f);
  const float back = dice.range(0.85f, 1.05f);
  const int leg = dice.chance(0.6f) ? s.wood : s.metal,
            cover = dice.chance(0.6f) ? s.fabric : s.accent;
  b.box({0, seat, 0}, {w, 0.03f, w}, cover);
  b.box({0, (seat + back) / 2 + 0.08f, -w + 0.025f}, {w, (back - seat) / 2 - 0.08f, 0.025f}, cover);
  for (float x : {-1.0f, 1.0f}) {
    b.box({x * (w - 0.02f), back / 2, -w + 0.02f}, {0.02f, back / 2, 0.02f}, leg);
    b.box({x * (w - 0.02f), seat / 2, w - 0.02f}, {0.02f, seat / 2, 0.02f}, leg);
  }
  return b.finish(false);
}

int add_sofa(World& world, Dice& dice, const Style& s, float width) {
  Builder b(world, sofa);
  const float w = width / 2, d = dice.range(0.4f, 0.48f), arm = dice.range(0.08f, 0.13f);
  const float back = dice.range(0.36f, 0.46f);
  b.box({0, 0.12f, 0}, {w, 0.1f, d}, s.fabric);
  b.box({0, back, -d + 0.11f}, {w, back, 0.11f}, s.fabric);
  for (float x : {-1.0f, 1.0f}) b.box({x * (w - arm), 0.3f, 0}, {arm, 0.3f, d}, s.fabric);
  const int seats = std::max(1, static_cast<int>((width - 4 * arm) / 0.55f));
  const float step = (w - 2 * arm) / seats;
  for (int i = 0; i < seats; ++i) {
    const float x = -w + 2 * arm + step * (2 * i + 1);
    b.box({x, 0.32f, 0.1f}, {step - 0.012f, 0.1f, d - 0.12f}, s.fabric);
  }
  if (dice.chance(0.7f)) {  // a cushion in a colour of its own
    const float side = dice.chance(0.5f) ? 1.0f : -1.0f;
    b.ellipsoid({side * (w - 2 * arm - 0.2f), 0.58f, -d + 0.3f}, {0.22f, 0.19f, 0.09f}, s.accent);
  }
  return b.finish();
}

int add_bed(World& world, Dice& dice, const Style& s) {
  Builder b(world, bed);
  const float w = dice.chance(0.6f) ? 0.8f : 0.5f, d = 1.02f, h = dice.range(0.24f, 0.3f);
  b.box({0, h / 2 + 0.03f, 0}, {w, h / 2 - 0.03f, d}, s.wood);
  b.box({0, h + 0.09f, 0.02f}, {w - 0.03f, 0.09f, d - 0.04f}, s.white);
  const float head = dice.range(0.4f, 0.6f);
  b.box({0, head, -d - 0.03f}, {w + 0.03f, head, 0.03f}, dice.chance(0.5f) ? s.wood : s.fabric);
  const float fold = dice.range(0.1f, 0.4f);
  b.box({0, h + 0.11f, (d + fold - 0.5f) / 2 + 0.03f}, {w + 0.01f, 0.1f, (d - fold + 0.5f) / 2},
        s.fabric);
  for (float x : {-1.0f, 1.0f}) {
    if (w < 0.6f && x > 0) break;
    b.ellipsoid({w > 0.6f ? x * 0.38f : 0, h + 0.23f, -d + 0.3f}, {0.3f, 0.09f, 0.2f}, s.white);
  }
  return b.finish();
}

namespace {

/// A body with a material for its doors: all sides show the seams, the front the knobs too.
int fronts(World& world, Dice& dice, const Style& s, float period) {
  const Material base = world.materials[dice.chance(0.5f) ? s.wood : s.white];
  return add_material(
      world, {Pattern::fronts, base.first, base.first * 0.35f, period, 0.2f, 0, dice.key()});
}

}  // namespace

int add_wardrobe(World& world, Dice& dice, const Style& s) {
  Builder b(world, cabinet);
  const float w = dice.range(0.5f, 0.9f), h = dice.range(0.95f, 1.1f), d = 0.3f;
  b.box({0, h, 0}, {w, h, d}, fronts(world, dice, s, 2 * w / std::round(2 * w / 0.5f)));
  return b.finish();
}

int add_drawers(World& world, Dice& dice, const Style& s, float width, float height) {
  Builder b(world, cabinet);
  const float w = width / 2, h = height / 2, d = dice.range(0.18f, 0.25f);
  b.box({0, h, 0}, {w, h, d},
        fronts(world, dice, s, height / std::max(1.0f, std::round(height / 0.25f))));
  b.box({0, height + 0.015f, 0}, {w + 0.015f, 0.015f, d + 0.015f}, s.wood);
  return b.finish();
}

int add_shelf(World& world, Dice& dice, const Style& s) {
  Builder b(world, cabinet);
  const float w = dice.range(0.4f, 0.7f), h = dice.range(0.8f, 1.05f), d = 0.15f;
  const int books = add_material(world, {Pattern::books,
                                         world.materials[s.wood].first,
                                         {},
                                         dice.range(0.28f, 0.36f),
                                         0,
                                         0,
                                         dice.key()});
  b.box({0, h, -0.02f}, {w - 0.03f, h - 0.03f, d - 0.02f}, books);
  for (float x : {-1.0f, 1.0f}) b.box({x * (w - 0.015f), h, 0}, {0.015f, h, d}, s.wood);
  b.box({0, 2 * h - 0.015f, 0}, {w, 0.015f, d}, s.wood);
  b.box({0, 0.04f, 0}, {w, 0.04f, d}, s.wood);
  return b.finish();
}

int add_counter(World& world, Dice& dice, const Style& s, float width) {
  Builder b(world, cabinet);
  const float w = width / 2, h = 0.43f, d = 0.3f;
  b.box({0, h, 0}, {w, h, d}, fronts(world, dice, s, width / std::round(width / 0.5f)));
  b.box({0, 2 * h + 0.02f, 0.01f}, {w, 0.02f, d + 0.02f}, dice.chance(0.5f) ? s.wood : s.dark);
  if (dice.chance(0.6f)) {  // an oven and its plates
    const float x = dice.range(-w + 0.35f, w - 0.35f);
    b.box({x, 0.5f, d + 0.005f}, {0.27f, 0.28f, 0.012f}, s.dark);
    b.box({x, 0.72f, d + 0.03f}, {0.22f, 0.012f, 0.012f}, s.metal);
    for (float i : {-1.0f, 1.0f})
      b.cone({x + i * 0.13f, 2 * h + 0.045f, 0}, 0.09f, 0.006f, 0.09f, s.dark);
  }
  return b.finish();
}

int add_wall_cupboard(World& world, Dice& dice, const Style& s, float width) {
  Builder b(world, cabinet);
  b.box({0, 0.33f, 0}, {width / 2, 0.33f, 0.17f},
        fronts(world, dice, s, width / std::round(width / 0.45f)));
  return b.finish(false);
}

int add_fridge(World& world, Dice& dice, const Style& s) {
  Builder b(world, cabinet);
  const float h = dice.range(0.8f, 0.98f);
  const int body = dice.chance(0.7f) ? s.white : s.metal;
  b.box({0, 0.28f, 0}, {0.3f, 0.28f, 0.31f}, body);
  b.box({0, 0.57f + (2 * h - 0.57f) / 2, 0}, {0.3f, (2 * h - 0.585f) / 2, 0.31f}, body);
  b.box({-0.24f, 0.9f, 0.335f}, {0.015f, 0.22f, 0.015f}, s.metal);
  return b.finish();
}

int add_floor_lamp(World& world, Dice& dice, const Style& s) {
  Builder b(world, lamp);
  const float h = dice.range(1.3f, 1.65f), r = dice.range(0.16f, 0.24f);
  const int shade = add_material(
      world, {Pattern::plain, hsv(dice.range(0.05f, 0.15f), 0.45f, 0.95f), {}, 1, 0, 0.9f, 0});
  b.cone({0, 0.015f, 0}, 0.15f, 0.015f, 0.13f, s.dark);
  b.cone({0, h / 2, 0}, 0.014f, h / 2, 0.014f, s.metal);
  b.cone({0, h, 0}, r, 0.14f, r * dice.range(0.45f, 0.8f), shade);
  return b.finish(false);
}

int add_table_lamp(World& world, Dice& dice, const Style& s) {
  Builder b(world, lamp);
  const int shade = add_material(
      world, {Pattern::plain, hsv(dice.range(0.04f, 0.16f), 0.4f, 0.95f), {}, 1, 0, 0.9f, 0});
  if (dice.chance(0.5f)) {
    b.ellipsoid({0, 0.1f, 0}, {0.07f, 0.1f, 0.07f}, s.accent);
  } else {
    b.cone({0, 0.11f, 0}, 0.08f, 0.11f, 0.02f, s.metal);
  }
  b.cone({0, 0.3f, 0}, 0.14f, 0.09f, 0.09f, shade);
  return b.finish(false);
}

int add_pendant(World& world, Dice& dice, const Style& s, float drop) {
  Builder b(world, lamp);
  const float r = dice.range(0.14f, 0.24f);
  const int glow = add_material(world, {Pattern::plain, {1, 0.93f, 0.8f}, {}, 1, 0, 1.6f, 0});
  b.cone({0, -drop / 2, 0}, 0.012f, drop / 2, 0.012f, s.dark);
  if (dice.chance(0.5f)) {
    b.ellipsoid({0, -drop - 0.1f, 0}, {0.13f, 0.13f, 0.13f}, glow);
  } else {
    b.cone({0, -drop - 0.08f, 0}, r, 0.09f, 0.05f, s.accent);
    b.ellipsoid({0, -drop - 0.16f, 0}, {0.06f, 0.06f, 0.06f}, glow);
  }
  return b.finish(false);
}

int add_plant(World& world, Dice& dice, const Style& s) {
  Builder b(world, plant);
  const float size = dice.range(0.7f, 1.3f), pot = 0.14f * size;
  b.cone({0, pot, 0}, 0.1f * size, pot, 0.15f * size, dice.chance(0.5f) ? s.accent : s.white);
  const int leaf = add_material(
      world, {Pattern::carpet, hsv(dice.range(0.25f, 0.38f), 0.75f, dice.range(0.25f, 0.5f)),
              hsv(dice.range(0.2f, 0.3f), 0.7f, 0.55f), 0.06f, 0.1f, 0, dice.key()});
  if (dice.chance(0.4f)) {  // a small fir: cones on one another
    for (int i = 0; i < 3; ++i) {
      b.cone({0, (0.45f + 0.24f * i) * size, 0}, (0.3f - 0.07f * i) * size, 0.19f * size, 0.01f,
             leaf);
    }
  } else {
    b.cone({0, 0.42f * size, 0}, 0.02f, 0.16f * size, 0.015f, s.wood);
    for (int i = 0; i < 5; ++i) {
      const float angle = 1.26f * i + dice.unit(), r = 0.14f * size;
      b.ellipsoid({r * std::cos(angle), (0.58f + 0.09f * (i % 3)) * size, r * std::sin(angle)},
                  {0.15f * size, dice.range(0.11f, 0.17f) * size, 0.15f * size}, leaf);
    }
  }
  return b.finish();
}

int add_ball(World& world, Dice& dice, float radius) {
  Builder b(world, ball);
  const Pattern pattern[] = {Pattern::plain, Pattern::stripes, Pattern::checker, Pattern::dots};
  const float hue = dice.unit();
  const int skin = add_material(
      world, {pattern[dice.below(4)], hsv(hue, 0.8f, 0.8f), hsv(hue + 0.4f, 0.3f, 0.9f),
              radius * dice.range(0.5f, 0.9f), 0.5f, 0, dice.key()});
  b.ellipsoid({0, radius, 0}, {radius, radius, radius}, skin);
  return b.finish();
}

int add_picture(World& world, Dice& dice, const Style& s) {
  Builder b(world, picture);
  const float w = dice.range(0.2f, 0.5f), h = dice.range(0.2f, 0.4f);
  const int art = add_material(world, {Pattern::painting, hsv(dice.unit(), 0.6f, 0.75f),
                                       hsv(dice.unit(), 0.7f, 0.5f), h, 0.1f, 0, dice.key()});
  b.box({0, h, 0}, {w, h, 0.02f}, dice.chance(0.5f) ? s.wood : s.dark);
  b.box({0, h, 0.005f}, {w - 0.04f, h - 0.04f, 0.02f}, art);
  return b.finish(false);
}

int add_screen(World& world, Dice& dice, const Style& s, float width) {
  Builder b(world, picture);
  const float w = width / 2, h = w * 0.6f;
  const int glow = add_material(world, {Pattern::screen, hsv(dice.range(0.5f, 0.7f), 0.7f, 0.5f),
                                        hsv(dice.unit(), 0.5f, 0.9f), h, 0.3f, 0.5f, dice.key()});
  b.box({0, 0.01f, 0}, {w * 0.4f, 0.01f, 0.09f}, s.dark);
  b.box({0, 0.07f, -0.02f}, {0.03f, 0.07f, 0.015f}, s.dark);
  b.box({0, 0.09f + h, 0}, {w, h, 0.018f}, s.dark);
  b.box({0, 0.09f + h, 0.004f}, {w - 0.02f, h - 0.02f, 0.018f}, glow);
  return b.finish(false);
}

int add_bath(World& world, Dice& dice, const Style& s) {
  Builder b(world, basin);
  const float w = dice.range(0.75f, 0.9f), d = 0.37f, h = 0.28f, rim = 0.05f;
  b.box({0, 0.06f, 0}, {w, 0.06f, d}, s.white);
  for (float side : {-1.0f, 1.0f}) {
    b.box({side * (w - rim), h, 0}, {rim, h, d}, s.white);
    b.box({0, h, side * (d - rim)}, {w, h, rim}, s.white);
  }
  b.box({-w + 0.08f, 2 * h + 0.08f, 0}, {0.02f, 0.08f, 0.02f}, s.metal);
  b.box({-w + 0.14f, 2 * h + 0.15f, 0}, {0.08f, 0.012f, 0.015f}, s.metal);
  return b.finish();
}

int add_toilet(World& world, Dice& dice, const Style& s) {
  Builder b(world, basin);
  const int seat = dice.chance(0.3f) ? s.wood : s.white;
  b.cone({0, 0.18f, 0.08f}, 0.12f, 0.18f, 0.18f, s.white);
  b.cone({0, 0.38f, 0.1f}, 0.2f, 0.02f, 0.2f, seat);
  b.box({0, 0.55f, -0.17f}, {0.19f, 0.2f, 0.09f}, s.white);
  b.box({0, 0.77f, -0.17f}, {0.2f, 0.02f, 0.1f}, s.white);
  return b.finish();
}

int add_washbasin(World& world, Dice& dice, const Style& s) {
  Builder b(world, basin);
  if (dice.chance(0.5f)) {
    b.cone({0, 0.38f, 0}, 0.1f, 0.38f, 0.07f, s.white);
  } else {
    b.box({0, 0.4f, -0.02f}, {0.24f, 0.38f, 0.17f}, s.wood);
  }
  b.ellipsoid({0, 0.8f, 0}, {0.28f, 0.1f, 0.2f}, s.white);
  b.box({0, 0.86f, -0.14f}, {0.27f, 0.03f, 0.08f}, s.white);
  b.cone({0, 0.97f, -0.13f}, 0.016f, 0.1f, 0.016f, s.metal);
  b.box({0, 1.05f, -0.08f}, {0.014f, 0.014f, 0.07f}, s.metal);
  return b.finish();
}

int add_sink(World& world, Dice& dice, const Style& s) {
  Builder b(world, basin);
  const int body = dice.chance(0.6f) ? s.metal : s.white;
  b.box({0, 0.02f, 0}, {0.26f, 0.02f, 0.2f}, body);
  b.box({0, 0.03f, 0.02f}, {0.2f, 0.014f, 0.14f}, s.dark);
  b.cone({0, 0.15f, -0.16f}, 0.014f, 0.15f, 0.014f, s.metal);
  b.box({0, 0.29f, -0.09f}, {0.012f, 0.012f, 0.08f}, s.metal);
  return b.finish(false);
}

int add_odd_object(World& world, Dice& dice) {
  Builder b(world, nothing);
  const float hue = dice.unit();
  const int skin = add_material(world, {Pattern::stripes, hsv(hue, 1, 1), hsv(hue + 0.5f, 1, 0.9f),
                                        dice.range(0.05f, 0.1f), 0.6f, 0.35f, dice.key()});
  if (dice.chance(0.6f)) {
    b.add(Form::ring, {}, {dice.range(0.17f, 0.24f), dice.range(0.06f, 0.09f), 0}, skin);
  } else {
    const float half = dice.range(0.13f, 0.19f);
    b.box({}, {half, half, half}, skin);
  }
  return b.finish(false);
}

}  // namespace weft::scenes
