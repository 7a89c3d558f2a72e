// Line plots as SVG: axes with round ticks, a grid, a legend at the right, lines clipped to the axes'
// ranges.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/pictures/svg.h"

namespace weft {

struct PlotLine {
  std::vector<Point> points;  ///< x, y
  Rgb colour{};
  double width = 1.5, opacity = 1;
  std::string hover;  ///< what the line is
};

struct Plot {
  std::string title, x_label;
  std::vector<PlotLine> lines;  ///< the last lies on top
  std::vector<std::pair<std::string, Rgb>> legend;
  std::array<double, 2> x{0, 1}, y{0, 1};
};

std::string draw_plot(const Plot& plot, double height = 360, double width = 720);

/// Multiples of 1, 2 or 5 times a power of ten within [low, high], at most `most` of them.
std::vector<double> round_ticks(double low, double high, int most);
/// Colours that are easy to tell apart, also for colour-blind readers and on either page; the 17th is
/// the first.
Rgb line_colour(size_t index);

}  // namespace weft
