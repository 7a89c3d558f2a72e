// Line plots as pictures: axes with round ticks, a grid, a legend at the right, lines clipped to
// the axes' ranges.
#pragma once

#include <string>
#include <vector>

#include "train/pictures/pen.h"

namespace weft {

struct PlotLine {
  std::vector<Point> points;  ///< x, y
  Rgb colour{};
  double width = 2, opacity = 1;
};

struct Plot {
  std::string title, x_label;
  std::vector<PlotLine> lines;  ///< the last lies on top
  std::vector<std::pair<std::string, Rgb>> legend;
  std::array<double, 2> x{0, 1}, y{0, 1};
};

Picture draw_plot(const Plot& plot, int height = 640, int width = 1120);

/// Multiples of 1, 2 or 5 times a power of ten within [low, high], at most `most` of them.
std::vector<double> round_ticks(double low, double high, int most);
/// Colours that are easy to tell apart, also for colour-blind readers; the 13th is the first.
Rgb line_colour(size_t index);

}  // namespace weft
