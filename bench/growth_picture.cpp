// draw_growth: two rows of panels, an axis of growth each, and a legend below.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "bench/bench.h"
#include "bench/growth.h"
#include "train/pictures/plot.h"

namespace weft::bench {
namespace {

constexpr double panel_width = 360, panel_height = 300, head = 44, foot = 40;
constexpr Rgb grey{0.6F, 0.6F, 0.63F};

Rgb colour_of(const std::string& phase) {
  const auto at = std::find(std::begin(phase_names), std::end(phase_names), phase);
  return line_colour(1 + static_cast<size_t>(at - std::begin(phase_names)));
}

/// All of `what` (ms or MiB); no panel where nothing was measured.
std::optional<Plot> panel(const Growth& g, const std::string& what) {
  Plot plot;
  plot.logarithmic = true;
  plot.title = (what == "ms" ? "ms a step, by " : "MiB at most, by ") + g.axis;
  const bool thousands = g.x_name == "pixels";  // whole numbers of them would meet
  plot.x_label = thousands ? "1000 pixels" : g.x_name;
  std::vector<double> xs, ys;
  for (const Curve& c : g.curves) {
    if (c.what != what) continue;
    PlotLine line{.points = {},
                  .colour = colour_of(c.phase),
                  .width = c.side == "weft" ? 2.5 : 1.2,
                  .opacity = c.side == "weft" ? 1.0 : 0.7,
                  .hover = c.side + " " + c.phase};
    const Values& x = g.x.at(c.phase);
    for (size_t i = 0; i < x.size(); ++i) {
      if (!x[i] || !c.values[i] || *x[i] <= 0) continue;
      xs.push_back(thousands ? *x[i] / 1000 : *x[i]);
      line.points.push_back({xs.back(), *c.values[i]});
      ys.push_back(*c.values[i]);
    }
    std::sort(line.points.begin(), line.points.end());
    plot.lines.push_back(line);
  }
  if (xs.empty()) return std::nullopt;
  const auto [low_x, high_x] = std::minmax_element(xs.begin(), xs.end());
  const auto [low_y, high_y] = std::minmax_element(ys.begin(), ys.end());
  plot.x = {*low_x / 1.1, *high_x * 1.1};
  plot.y = {*low_y / 1.3, *high_y * 1.3};
  // Linear, through the middle of both ranges.
  const double slope = std::sqrt(plot.y[0] * plot.y[1] / (plot.x[0] * plot.x[1]));
  plot.lines.insert(plot.lines.begin(),
                    {.points = {{plot.x[0], slope * plot.x[0]}, {plot.x[1], slope * plot.x[1]}},
                     .colour = grey,
                     .width = 1.5,
                     .opacity = 0.8,
                     .hover = "linear"});
  return plot;
}

}  // namespace

std::string draw_growth(const std::vector<Growth>& axes, const std::string& title) {
  const double width = panel_width * static_cast<double>(axes.size());
  Svg svg(width, head + 2 * panel_height + foot, "growth: " + title);
  svg.text({20, 28}, title, Tone::ink, Anchor::left, 17);
  for (size_t i = 0; i < axes.size(); ++i) {
    double top = head;
    for (const char* what : {"ms", "MiB"}) {
      const double left = panel_width * static_cast<double>(i);
      if (const auto plot = panel(axes[i], what))
        draw_plot(svg, {left, top, left + panel_width, top + panel_height}, *plot);
      top += panel_height;
    }
  }
  double x = 28;
  const double y = head + 2 * panel_height + 16;
  const auto entry = [&](const std::string& words, const Rgb& colour, double line) {
    svg.line({{x, y}, {x + 20, y}}, line, colour);
    svg.text({x + 28, y + 4}, words, Tone::ink, Anchor::left, 12);
    x += 52 + Svg::text_width(words, 12);
  };
  for (const char* phase : phase_names) entry(phase, colour_of(phase), 2.5);
  entry("thin: the peer", grey, 1.2);
  entry("grey: linear", grey, 1.5);
  return svg.str();
}

}  // namespace weft::bench
