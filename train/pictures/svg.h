// A picture as SVG text: boxes, lines, words in the reader's own fonts, and pictures of pixels as PNG
// inside it. Places are (x, y), y downwards, in CSS pixels. What is meant to be read has a tone, not a
// colour: it turns with a page that is light or dark. What is given as `hover` shows under the mouse.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "io/picture.h"

namespace weft {

using Rgb = std::array<float, 3>;  ///< 0..1
using Point = std::array<double, 2>;

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
};

/// Words as XML or HTML; control characters but line ends have no place in it.
std::string escape_markup(std::string_view words);

/// Where the x of a text is.
enum class Anchor { left, middle, right };
/// Of the page: its ground, what stands out, what stands back, grid lines.
enum class Tone { paper, ink, soft, faint };
/// What a line is made of.
enum class Dash { solid, dashed, dotted };

/// A colour, or a tone.
class Paint {
 public:
  Paint(Tone tone) : tone_(tone) {}                 // NOLINT(google-explicit-constructor)
  Paint(const Rgb& rgb) : rgb_(rgb), own_(true) {}  // NOLINT(google-explicit-constructor)
  /// As an attribute of "fill" or "stroke".
  std::string attribute(const char* what) const;

 private:
  Tone tone_ = Tone::ink;
  Rgb rgb_{};
  bool own_ = false;
};

class Svg {
 public:
  /// `title` is what a screen reader says.
  Svg(double width, double height, std::string_view title);

  void box(const Box& at, const Paint& fill, double radius = 0, std::string_view hover = {});
  void frame(const Box& at, const Paint& line, double width = 1, double radius = 0);
  void line(const std::vector<Point>& path, double width, const Paint& paint, double opacity = 1,
            std::string_view hover = {}, Dash dash = Dash::solid);
  /// Round points, all in one element: there may be many.
  void points(const std::vector<Point>& at, double width, const Paint& paint, double opacity = 1);
  /// Letters `size` high, on the line at y.
  void text(const Point& at, std::string_view words, const Paint& paint = Tone::ink,
            Anchor anchor = Anchor::left, double size = 13);
  /// Rising to the right from `at`, by 45 degrees: names of narrow columns.
  void slanted_text(const Point& at, std::string_view words, const Paint& paint, double size = 13);
  /// Pixels of an RGB picture, none of them smoothed away.
  void picture(const Box& at, const Picture& rgb, std::string_view hover = {});
  /// What is drawn until end_clip() shows inside the box alone.
  void begin_clip(const Box& at);
  void end_clip();

  std::string str() const;

  /// An estimate: fonts are the reader's.
  static double text_width(std::string_view words, double size = 13);

 private:
  void element(const std::string& tag, std::string_view hover);

  std::string head_, body_;
  int clips_ = 0;
};

}  // namespace weft
