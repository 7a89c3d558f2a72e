// Line plots as SVG: axes with round ticks, a grid, a legend at the right, or of many or long names in
// columns below, lines clipped to the axes' ranges. With logarithmic axes y = c x^p is a line of slope p.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "train/pictures/svg.h"

namespace weft {

struct PlotLine {
  std::vector<Point> points;  ///< x, y
  Rgb colour{};
  double width = 1.5, opacity = 1;
  std::string hover;   ///< what the line is
  bool dots = false;   ///< at its points, which say their numbers under the mouse
  bool loose = false;  ///< points alone, `width` wide and silent: there may be many
  Dash dash = Dash::solid;
};

struct LegendEntry {
  std::string name;
  Rgb colour{};
  Dash dash = Dash::solid;
};

struct Plot {
  std::string title, x_label;
  std::vector<PlotLine> lines;  ///< the last lies on top
  std::vector<LegendEntry> legend;
  std::string legend_note;  ///< above it, which then lies below
  std::array<double, 2> x{0, 1}, y{0, 1};
  bool logarithmic = false;  ///< both axes, of numbers above 0
};

/// The picture is higher by a legend that lies below, and as wide as its longest name asks for.
std::string draw_plot(const Plot& plot, double height = 360, double width = 720);
/// One of several in a picture: title, axes and legend within `frame`.
void draw_plot(Svg& svg, const Box& frame, const Plot& plot);

/// From the least of the finite values to the one that nine tenths stay below, or to `last`: the fall of
/// the first steps is cut off, so that differences at the end are seen.
std::array<double, 2> settled_range(std::vector<double> values, double last);

/// Multiples of 1, 2 or 5 times a power of ten within [low, high], at most `most` of them.
std::vector<double> round_ticks(double low, double high, int most);
/// 1, 2 and 5 times the powers of ten within [low, high], or the powers alone where those are more than
/// `most`.
std::vector<double> log_ticks(double low, double high, int most);
/// Colours that are easy to tell apart, also for colour-blind readers and on either page; the 17th is
/// the first, and line_dash tells those two apart.
Rgb line_colour(size_t index);
/// Solid for 16 lines, dashed for the next, then dotted; the 49th is the first.
Dash line_dash(size_t index);

}  // namespace weft
