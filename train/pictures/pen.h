// A pen on an RGB picture: antialiased strokes, and the 5 x 7 letters of font.h drawn as
// strokes between neighbouring dots, so that they are round at any size. Places are pixels as (x,
// y), the centre of the first pixel at (0.5, 0.5).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "io/picture.h"

namespace weft {

using Rgb = std::array<float, 3>;
using Point = std::array<double, 2>;

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
};

enum class Anchor { left, middle, right };  ///< of a text: where its x is

class Pen {
 public:
  explicit Pen(Picture& picture);

  /// Nothing outside the box is drawn from now on.
  void clip(const Box& box) { clip_ = box; }
  /// One polyline with round ends; where it crosses itself it is no darker.
  void stroke(const std::vector<Point>& path, double width, const Rgb& colour, double opacity = 1);
  /// Letters 7 `dot` high, their top at y.
  void write(const Point& at, const std::string& text, double dot, const Rgb& colour,
             Anchor anchor = Anchor::left);
  static double text_width(const std::string& text, double dot);

 private:
  void cover(const Point& a, const Point& b, double radius);
  void paint(const Rgb& colour, double opacity);

  Picture& picture_;
  Box clip_;
  std::vector<float> coverage_;            ///< of the stroke being drawn, per pixel
  int x0_ = 0, y0_ = 0, x1_ = 0, y1_ = 0;  ///< the pixels it has touched
};

}  // namespace weft
