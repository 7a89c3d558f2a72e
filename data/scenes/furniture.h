// The things that stand in a room, each built from a few primitives with colours and sizes drawn.
// A function appends one solid to the world at the origin; the room then moves it into place.
#pragma once

#include "data/scenes/world.h"

namespace weft::scenes {

Vec3 hsv(float hue, float saturation, float value);

/// What the pieces of one room have in common.
struct Style {
  int wood, metal, white, fabric, accent, dark;  ///< materials
};
Style make_style(World& world, Dice& dice, RoomKind kind);
int add_material(World& world, Material material);

/// Collects the primitives of one solid and closes it with its bounds.
class Builder {
 public:
  Builder(World& world, Label label) : world_(world) {
    solid_.label = label;
    solid_.first = static_cast<int>(world.primitives.size());
  }
  void add(Form form, Vec3 centre, Vec3 half, int material);
  /// A box from its lowest corner and its size.
  void box(Vec3 centre, Vec3 half, int material) { add(Form::box, centre, half, material); }
  void cone(Vec3 centre, float bottom, float half_height, float top, int material) {
    add(Form::cone, centre, {bottom, half_height, top}, material);
  }
  void ellipsoid(Vec3 centre, Vec3 radii, int material) {
    add(Form::ellipsoid, centre, radii, material);
  }
  /// Appends the solid; returns its index.
  int finish(bool footed = true);

 private:
  World& world_;
  Solid solid_;
};

int add_table(World&, Dice&, const Style&, float width, float depth, float height);
int add_chair(World&, Dice&, const Style&);
int add_sofa(World&, Dice&, const Style&, float width);
int add_bed(World&, Dice&, const Style&);
int add_wardrobe(World&, Dice&, const Style&);
int add_drawers(World&, Dice&, const Style&, float width, float height);
int add_shelf(World&, Dice&, const Style&);
int add_counter(World&, Dice&, const Style&, float width);
int add_wall_cupboard(World&, Dice&, const Style&, float width);
int add_fridge(World&, Dice&, const Style&);
int add_floor_lamp(World&, Dice&, const Style&);
int add_table_lamp(World&, Dice&, const Style&);
int add_pendant(World&, Dice&, const Style&, float drop);
int add_plant(World&, Dice&, const Style&);
int add_ball(World&, Dice&, float radius);
int add_picture(World&, Dice&, const Style&);
int add_screen(World&, Dice&, const Style&, float width);
int add_bath(World&, Dice&, const Style&);
int add_toilet(World&, Dice&, const Style&);
int add_washbasin(World&, Dice&, const Style&);
int add_sink(World&, Dice&, const Style&);
int add_odd_object(World&, Dice&);

/// Fills the room by its kind (furnish.cpp).
void furnish(World& world, Dice& dice);

}  // namespace weft::scenes
