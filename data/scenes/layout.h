// Where things stand: solids go against walls or on the floor, never through one another, out of
// the walls or into the camera's face; pictures, windows and tall furniture share the upper walls.
#pragma once

#include <utility>
#include <vector>

#include "data/scenes/world.h"

namespace weft::scenes {

constexpr float quarter_turn = 1.5707963f;

struct Rect {
  float x0, x1, z0, z1;
};

/// Puts solids into the room and remembers what is taken.
class Layout {
 public:
  Layout(World& world, Dice& dice) : world_(world), dice_(dice) {}

  /// Against one of the walls 0 (left), 1 (right), 2 (back); the solid is dropped if none has room.
  int against_wall(int solid, float height = 0, int wall = -1);

  /// Somewhere on the floor between the walls.
  int free_standing(int solid, float angle, float margin = 0.15f);

  /// At a given spot; dropped where that is taken.
  int at(int solid, Vec3 position, float angle);

  /// On top of another solid, which need not be free.
  void on_top(int solid, int base, float x, float z, float angle = 0);

  /// A rectangle on a wall (u0..u1 around u), unless something is there.
  bool panel(Panel kind, int face, float width, float low, float high, int material);

 private:
  int pick_wall();

  int drop(int solid);

  static Axes turned_by(const Axes& axes, float angle);

  bool upper_free(int face, float from, float to) const;

  void floor_of(int face, float from, float to, float depth);

  bool place_on_wall(int solid, int face, float u, float height);

  bool place(int solid, Vec3 position, float angle);

  World& world_;
  Dice& dice_;
  std::vector<Rect> taken_;
  std::vector<std::pair<float, float>> upper_[4];
};

}  // namespace weft::scenes
