// Which things stand in which kind of room, and roughly where. What does not fit is left out.
#include "data/scenes/furniture.h"
#include "data/scenes/layout.h"

namespace weft::scenes {
namespace {

class Furnisher {
 public:
  Furnisher(World& world, Dice& dice)
      : w_(world), d_(dice), s_(make_style(world, dice, world.kind)), layout_(world, dice) {}

  void furnish() {
    const int frame = add_material(w_, {Pattern::plain, {0.85f, 0.84f, 0.8f}, {}, 1, 0.2f, 0, 0});
    Material leaf = w_.materials[s_.wood];
    leaf.pattern = Pattern::fronts;
    leaf.second = leaf.first * 0.4f;
    leaf.scale = 0.9f;
    door_ = add_material(w_, leaf);
    frame_ = frame;
    switch (w_.kind) {
      case RoomKind::kitchen:
        kitchen();
        break;
      case RoomKind::bedroom:
        bedroom();
        break;
      case RoomKind::office:
        office();
        break;
      case RoomKind::bathroom:
        bathroom();
        break;
      case RoomKind::living_room:
        living_room();
        break;
      default:
        hall();
    }
    if (d_.chance(0.35f)) layout_.free_standing(add_ball(w_, d_, d_.range(0.09f, 0.22f)), 0, 0.05f);
  }

 private:
  void window(float probability) {
    if (d_.chance(probability)) {
      const float width = d_.range(0.7f, 1.5f), low = d_.range(0.85f, 1.1f);
      layout_.panel(Panel::window, d_.below(3), width, low, low + d_.range(0.8f, 1.15f), frame_);
    }
  }
  void door(int face) { layout_.panel(Panel::door, face, 0.9f, 0, 2.02f, door_); }

  void pictures(int most) {
    const int count = d_.below(most + 1);
    for (int i = 0; i < count; ++i) {
      layout_.against_wall(add_picture(w_, d_, s_), d_.range(1.25f, 1.45f));
    }
  }

  void pendant(float probability) {
    if (!d_.chance(probability)) return;
    const int lamp_solid = add_pendant(w_, d_, s_, d_.range(0.25f, 0.55f));
    Solid& s = w_.solids[lamp_solid];
    s.position = {w_.light.x, w_.size.y, w_.light.z};
    w_.light.y = w_.size.y + s.low.y - 0.02f;
  }

  void rug(float probability) {
    if (!d_.chance(probability)) return;
    const float hue = d_.unit();
    const Pattern patterns[] = {Pattern::stripes, Pattern::checker, Pattern::dots, Pattern::carpet};
    const int cloth = add_material(
        w_, {patterns[d_.below(4)], hsv(hue, 0.6f, 0.5f),
             hsv(hue + d_.range(0.1f, 0.5f), 0.35f, 0.75f), d_.range(0.15f, 0.4f), 0, 0, d_.key()});
    const float half_x = w_.size.x * d_.range(0.2f, 0.32f),
                half_z = w_.size.z * d_.range(0.14f, 0.22f);
    const float x = w_.size.x * d_.range(0.42f, 0.58f), z = w_.size.z * d_.range(0.4f, 0.55f);
    w_.decals.push_back({Panel::rug, 4, x - half_x, x + half_x, z - half_z, z + half_z, cloth});
  }

  /// A table with chairs around it; returns the table.
  int dining(float width, float depth, int chairs) {
    const float x = w_.size.x * d_.range(0.35f, 0.65f), z = w_.size.z * d_.range(0.38f, 0.5f);
    const int t = layout_.at(add_table(w_, d_, s_, width, depth, d_.range(0.7f, 0.77f)), {x, 0, z},
                             d_.range(-0.1f, 0.1f));
    if (t < 0) return t;
    const float out_x = width / 2 + 0.27f, out_z = depth / 2 + 0.27f;
    const float spots[4][3] = {{0, -out_z, 0},
                               {-out_x, 0, quarter_turn},
                               {out_x, 0, -quarter_turn},
                               {0, out_z, 2 * quarter_turn}};
    for (int i = 0; i < chairs; ++i) {
      const float* spot = spots[i];
      layout_.at(add_chair(w_, d_, s_), {x + spot[0], 0, z + spot[1]},
                 spot[2] + d_.range(-0.2f, 0.2f));
    }
    return t;
  }

  void kitchen() {
    const int wall = d_.chance(0.6f) ? 2 : d_.below(2);
    const float width = std::min(d_.range(1.6f, 2.6f), (wall == 2 ? w_.size.x : w_.size.z) - 0.5f);
    const int counter = layout_.against_wall(add_counter(w_, d_, s_, width), 0, wall);
    layout_.against_wall(add_fridge(w_, d_, s_));
    if (counter >= 0) {
      layout_.on_top(add_sink(w_, d_, s_), counter, d_.range(-0.3f, 0.3f) * width, 0);
      if (d_.chance(0.6f))
        layout_.against_wall(add_wall_cupboard(w_, d_, s_, width * 0.6f), 1.45f, wall);
    }
    door(d_.below(2));
    window(0.7f);
    const int t = dining(d_.range(0.8f, 1.3f), d_.range(0.7f, 0.9f), 2 + d_.below(3));
    if (t >= 0 && d_.chance(0.6f)) {
      for (int i = 0, fruit = 1 + d_.below(3); i < fruit; ++i) {
        layout_.on_top(add_ball(w_, d_, d_.range(0.05f, 0.08f)), t, d_.range(-0.2f, 0.2f),
                       d_.range(-0.15f, 0.15f));
      }
    }
    pendant(0.7f);
    if (d_.chance(0.3f)) layout_.against_wall(add_plant(w_, d_, s_));
    pictures(1);
  }

  void bedroom() {
    window(0.75f);
    const int b = layout_.against_wall(add_bed(w_, d_, s_), 0, d_.chance(0.6f) ? 2 : d_.below(2));
    for (int i = 0, tables = 1 + d_.below(2); i < tables; ++i) {
      const int stand = layout_.against_wall(
          add_drawers(w_, d_, s_, d_.range(0.4f, 0.55f), d_.range(0.45f, 0.6f)));
      if (stand >= 0 && d_.chance(0.8f)) layout_.on_top(add_table_lamp(w_, d_, s_), stand, 0, 0);
    }
    layout_.against_wall(add_wardrobe(w_, d_, s_));
    if (b < 0 || d_.chance(0.3f)) layout_.against_wall(add_chair(w_, d_, s_));
    rug(0.5f);
    pictures(2);
    if (d_.chance(0.3f)) layout_.against_wall(add_plant(w_, d_, s_));
    pendant(0.3f);
  }

  void office() {
    window(0.7f);
    for (int i = 0, desks = 1 + d_.below(2); i < desks; ++i) {
      const float depth = d_.range(0.65f, 0.8f);
      const int wall = i == 0 ? 2 : d_.below(2);
      const int desk =
          layout_.against_wall(add_table(w_, d_, s_, d_.range(1.3f, 1.7f), depth, 0.74f), 0, wall);
      if (desk < 0) continue;
      const Solid at = w_.solids[desk];
      layout_.on_top(add_screen(w_, d_, s_, d_.range(0.45f, 0.65f)), desk, d_.range(-0.3f, 0.3f),
                     -0.15f, d_.range(-0.2f, 0.2f));
      if (d_.chance(0.4f))
        layout_.on_top(add_table_lamp(w_, d_, s_), desk, d_.chance(0.5f) ? 0.5f : -0.5f, -0.15f);
      const Vec3 seat =
          at.position + at.axes.to_world({d_.range(-0.25f, 0.25f), 0, depth / 2 + 0.3f});
      const float angle = (wall == 2   ? 0
                           : wall == 0 ? quarter_turn
                                       : -quarter_turn) +
                          2 * quarter_turn + d_.range(-0.5f, 0.5f);
      layout_.at(add_chair(w_, d_, s_), {seat.x, 0, seat.z}, angle);
    }
    for (int i = 0, shelves = 1 + d_.below(2); i < shelves; ++i)
      layout_.against_wall(add_shelf(w_, d_, s_));
    if (d_.chance(0.5f)) layout_.against_wall(add_drawers(w_, d_, s_, 0.5f, 0.7f));
    if (d_.chance(0.6f)) layout_.against_wall(add_plant(w_, d_, s_));
    if (d_.chance(0.3f)) layout_.against_wall(add_floor_lamp(w_, d_, s_));
    pictures(1);
  }

  void bathroom() {
    const int wall = d_.below(3);
    const int stand = layout_.against_wall(add_washbasin(w_, d_, s_), 0, wall);
    if (stand >= 0) {  // the mirror hangs above it
      const Solid& b = w_.solids[stand];
      const float u = wall == 2 ? b.position.x : b.position.z, half = d_.range(0.25f, 0.4f);
      w_.decals.push_back(
          {Panel::mirror, wall, u - half, u + half, 1.15f, d_.range(1.75f, 2.0f), frame_});
    }
    if (d_.chance(0.75f)) layout_.against_wall(add_bath(w_, d_, s_));
    layout_.against_wall(add_toilet(w_, d_, s_));
    if (d_.chance(0.5f)) layout_.against_wall(add_drawers(w_, d_, s_, 0.45f, 0.8f));
    window(0.3f);
    if (d_.chance(0.25f)) layout_.against_wall(add_plant(w_, d_, s_));
    rug(0.4f);
    pendant(0.3f);
  }

  void living_room() {
    window(0.8f);
    const int wall = d_.chance(0.6f) ? 2 : d_.below(2);
    layout_.against_wall(add_sofa(w_, d_, s_, d_.range(1.5f, 2.2f)), 0, wall);
    rug(0.75f);
    const float x = w_.size.x * d_.range(0.4f, 0.6f), z = w_.size.z * d_.range(0.4f, 0.5f);
    const int low = layout_.at(
        add_table(w_, d_, s_, d_.range(0.8f, 1.2f), d_.range(0.5f, 0.65f), d_.range(0.38f, 0.46f)),
        {x, 0, z}, d_.range(-0.15f, 0.15f));
    if (low >= 0 && d_.chance(0.4f))
      layout_.on_top(add_ball(w_, d_, 0.08f), low, d_.range(-0.2f, 0.2f), 0);
    if (d_.chance(0.6f)) layout_.against_wall(add_sofa(w_, d_, s_, d_.range(0.85f, 1.0f)));
    if (d_.chance(0.6f)) {
      const int bench = layout_.against_wall(add_drawers(w_, d_, s_, d_.range(1.1f, 1.6f), 0.45f));
      if (bench >= 0) layout_.on_top(add_screen(w_, d_, s_, d_.range(0.8f, 1.1f)), bench, 0, 0);
    }
    if (d_.chance(0.45f)) layout_.against_wall(add_shelf(w_, d_, s_));
    if (d_.chance(0.6f)) layout_.against_wall(add_floor_lamp(w_, d_, s_));
    for (int i = 0, plants = d_.below(3); i < plants; ++i)
      layout_.against_wall(add_plant(w_, d_, s_));
    pictures(3);
    pendant(0.35f);
  }

  void hall() {
    for (int face : {0, 1, 2}) {
      if (d_.chance(0.7f)) door(face);
      if (face < 2 && d_.chance(0.4f)) door(face);
    }
    const int side =
        layout_.against_wall(add_drawers(w_, d_, s_, d_.range(0.7f, 1.0f), d_.range(0.75f, 0.9f)));
    if (side >= 0 && d_.chance(0.6f))
      layout_.on_top(add_table_lamp(w_, d_, s_), side, d_.range(-0.2f, 0.2f), 0);
    if (d_.chance(0.5f)) layout_.against_wall(add_chair(w_, d_, s_));
    if (d_.chance(0.4f)) layout_.against_wall(add_wardrobe(w_, d_, s_));
    if (d_.chance(0.6f)) layout_.against_wall(add_plant(w_, d_, s_));
    pictures(4);
    rug(0.6f);
    pendant(0.7f);
  }

  World& w_;
  Dice& d_;
  Style s_;
  Layout layout_;
  int frame_ = 0, door_ = 0;
};

}  // namespace

void furnish(World& world, Dice& dice) { Furnisher(world, dice).furnish(); }

}  // namespace weft::scenes
