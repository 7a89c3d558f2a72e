// draw_plot: from the back to the front.
#include "train/pictures/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace weft {
namespace {

constexpr double small = 12, large = 15;  ///< letters, in pixels

double round_step(double span, int most) {
  const double least = span / most;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

std::string tick_text(double value, double step) {
  const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return fmt::format("{:.{}f}", std::abs(value) < step / 2 ? 0.0 : value, digits);
}

}  // namespace

std::vector<double> round_ticks(double low, double high, int most) {
  std::vector<double> ticks;
  if (!(high > low)) return ticks;
  const double step = round_step(high - low, most);
  const double first = std::ceil(low / step - 1e-9);
  for (int i = 0; (first + i) * step <= high + 1e-9 * step; ++i)
    ticks.push_back((first + i) * step);
  return ticks;
}

Rgb line_colour(size_t index) {
  constexpr int known[][3] = {{60, 64, 72},    {0, 114, 178},   {230, 159, 0},  {0, 158, 115},
                              {204, 121, 167}, {86, 180, 233},  {140, 86, 75},  {213, 94, 0},
                              {153, 153, 51},  {170, 170, 178}, {51, 34, 136},  {17, 97, 51},
                              {196, 18, 48},   {110, 220, 60},  {118, 42, 200}, {240, 220, 60}};
  const auto& c = known[index % std::size(known)];
  return {static_cast<float>(c[0]) / 255, static_cast<float>(c[1]) / 255,
          static_cast<float>(c[2]) / 255};
}

std::string draw_plot(const Plot& plot, double height, double width) {
  Svg svg(width, height, plot.title);
  double legend = 0;
  for (const auto& [name, colour] : plot.legend)
    legend = std::max(legend, Svg::text_width(name, small) + 34);
  const auto y_ticks = round_ticks(plot.y[0], plot.y[1], 6);
  const auto x_ticks = round_ticks(plot.x[0], plot.x[1], 8);
  const double y_step = y_ticks.size() > 1 ? y_ticks[1] - y_ticks[0] : 1;
  const double x_step = x_ticks.size() > 1 ? x_ticks[1] - x_ticks[0] : 1;
  double y_text = 0;
  for (double t : y_ticks) y_text = std::max(y_text, Svg::text_width(tick_text(t, y_step), small));
  const Box area{20 + y_text + 8, 44, width - 20 - (legend > 0 ? legend + 14 : 0), height - 46};
  const auto place = [&](const Point& p) {
    return Point{
        area.left + (p[0] - plot.x[0]) / (plot.x[1] - plot.x[0]) * (area.right - area.left),
        area.bottom - (p[1] - plot.y[0]) / (plot.y[1] - plot.y[0]) * (area.bottom - area.top)};
  };

  svg.text({area.left, 26}, plot.title, Tone::ink, Anchor::left, large);
  svg.text({(area.left + area.right) / 2, height - 12}, plot.x_label, Tone::soft, Anchor::middle,
           small);
  for (double t : y_ticks) {
    const double y = place({plot.x[0], t})[1];
    svg.line({{area.left, y}, {area.right, y}}, 1, Tone::faint);
    svg.text({area.left - 8, y + 4}, tick_text(t, y_step), Tone::soft, Anchor::right, small);
  }
  for (double t : x_ticks) {
    const double x = place({t, plot.y[0]})[0];
    svg.line({{x, area.top}, {x, area.bottom}}, 1, Tone::faint);
    svg.text({x, area.bottom + 18}, tick_text(t, x_step), Tone::soft, Anchor::middle, small);
  }

  svg.begin_clip(area);
  for (const PlotLine& line : plot.lines) {
    std::vector<Point> path;
    for (const Point& p : line.points) path.push_back(place(p));
    svg.line(path, line.width, line.colour, line.opacity, line.hover);
  }
  svg.end_clip();
  svg.line({{area.left, area.top}, {area.left, area.bottom}, {area.right, area.bottom}}, 1,
           Tone::soft);
  double y = area.top + 8;
  for (const auto& [name, colour] : plot.legend) {
    const double x = area.right + 14;
    svg.line({{x, y}, {x + 20, y}}, 3, colour);
    svg.text({x + 28, y + 4}, name, Tone::ink, Anchor::left, small);
    y += 19;
  }
  return svg.str();
}

}  // namespace weft
