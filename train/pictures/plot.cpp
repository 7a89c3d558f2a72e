// draw_plot: from the back to the front.
#include "train/pictures/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace weft {
namespace {

constexpr double small = 12, large = 15;  ///< letters, in pixels
constexpr double dot = 2.8;               ///< radius
constexpr double row = 19, sample = 28;   ///< of the legend: between lines, up to a name
constexpr double margin = 20, head = 44, foot = 46;
constexpr size_t colours = 16;

double round_step(double span, int most) {
  const double least = span / most;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

std::string tick_text(double value, double step) {
  if (std::abs(value) >= 1e7 || step < 1e-7) return fmt::format("{:g}", value);
  const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return fmt::format("{:.{}f}", std::abs(value) < step / 2 ? 0.0 : value, digits);
}

/// Where the legend is: in `rows` of one column at the right, or of several below.
struct LegendPlace {
  bool below = false;
  size_t rows = 0;
  double column = 0;  ///< its width

  double height() const { return below ? static_cast<double>(rows) * row + 12 : 0; }
};

LegendPlace place_legend(const Plot& plot, double height, double width) {
  LegendPlace place;
  const size_t n = plot.legend.size();
  if (n == 0) return place;
  for (const LegendEntry& entry : plot.legend)
    place.column = std::max(place.column, Svg::text_width(entry.name, small) + sample + 6);
  place.rows = n;
  place.below = !plot.legend_note.empty() || static_cast<double>(n) * row > height - head - foot ||
                place.column > 0.45 * width;
  if (!place.below) return place;
  const double gap = 10;
  const auto columns = static_cast<size_t>(
      std::max(1.0, std::floor((width - 2 * margin + gap) / (place.column + gap))));
  place.column += gap;
  place.rows = (n + columns - 1) / columns + (plot.legend_note.empty() ? 0 : 1);
  return place;
}

void draw_legend(Svg& svg, const Plot& plot, const LegendPlace& place, Point at) {
  const double top = at[1];
  size_t rows = place.rows;
  if (!plot.legend_note.empty()) {
    svg.text({at[0], top + 4}, plot.legend_note, Tone::soft, Anchor::left, small);
    --rows;
  }
  for (size_t i = 0; i < plot.legend.size(); ++i) {
    const double x = at[0] + static_cast<double>(i / rows) * place.column;
    const double y = top + static_cast<double>(i % rows + place.rows - rows) * row;
    const LegendEntry& entry = plot.legend[i];
    svg.line({{x, y}, {x + 20, y}}, 3, entry.colour, 1, {}, entry.dash);
    svg.text({x + sample, y + 4}, entry.name, Tone::ink, Anchor::left, small);
  }
}

}  // namespace

std::array<double, 2> settled_range(std::vector<double> values, double last) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  if (values.empty()) return {0, 1};
  std::sort(values.begin(), values.end());
  const double low = values.front(), high = std::max(last, values[values.size() * 9 / 10]);
  const double room = std::max(0.06 * (high - low), 1e-6 + 1e-3 * std::abs(high));
  return {low - room, high + room};
}

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
  static_assert(std::size(known) == colours);
  const auto& c = known[index % colours];
  return {static_cast<float>(c[0]) / 255, static_cast<float>(c[1]) / 255,
          static_cast<float>(c[2]) / 255};
}

Dash line_dash(size_t index) {
  constexpr std::array dashes{Dash::solid, Dash::dashed, Dash::dotted};
  return dashes.at(index / colours % dashes.size());
}

std::vector<double> log_ticks(double low, double high, int most) {
  std::vector<double> ticks, powers;
  for (int k = static_cast<int>(std::floor(std::log10(low))); std::pow(10.0, k) <= high; ++k)
    for (double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10.0, k);
      if (tick < low * (1 - 1e-9) || tick > high * (1 + 1e-9)) continue;
      ticks.push_back(tick);
      if (factor == 1) powers.push_back(tick);
    }
  return static_cast<int>(ticks.size()) > most ? powers : ticks;
}

namespace {

void draw(Svg& svg, const Box& frame, const Plot& plot, const LegendPlace& legend) {
  const bool log = plot.logarithmic;
  const auto ticks = log ? log_ticks : round_ticks;
  const auto y_ticks = ticks(plot.y[0], plot.y[1], 6);
  const auto x_ticks = ticks(plot.x[0], plot.x[1], 8);
  const auto words = [&](double tick, const std::vector<double>& all) {
    return log ? fmt::format("{:g}", tick) : tick_text(tick, all.size() > 1 ? all[1] - all[0] : 1);
  };
  double y_text = 0;
  for (double t : y_ticks) y_text = std::max(y_text, Svg::text_width(words(t, y_ticks), small));
  const double bottom = frame.bottom - legend.height();  // of what is no legend
  const double aside = legend.below || legend.rows == 0 ? 0 : legend.column + 14;
  const Box area{frame.left + margin + y_text + 8, frame.top + head, frame.right - margin - aside,
                 bottom - foot};
  const auto share = [&](double v, const std::array<double, 2>& range) {
    return log ? std::log(v / range[0]) / std::log(range[1] / range[0])
               : (v - range[0]) / (range[1] - range[0]);
  };
  const auto place = [&](const Point& p) {
    return Point{area.left + share(p[0], plot.x) * (area.right - area.left),
                 area.bottom - share(p[1], plot.y) * (area.bottom - area.top)};
  };

  svg.text({area.left, frame.top + 26}, plot.title, Tone::ink, Anchor::left, large);
  svg.text({(area.left + area.right) / 2, bottom - 12}, plot.x_label, Tone::soft, Anchor::middle,
           small);
  for (double t : y_ticks) {
    const double y = place({plot.x[0], t})[1];
    svg.line({{area.left, y}, {area.right, y}}, 1, Tone::faint);
    svg.text({area.left - 8, y + 4}, words(t, y_ticks), Tone::soft, Anchor::right, small);
  }
  for (double t : x_ticks) {
    const double x = place({t, plot.y[0]})[0];
    svg.line({{x, area.top}, {x, area.bottom}}, 1, Tone::faint);
    svg.text({x, area.bottom + 18}, words(t, x_ticks), Tone::soft, Anchor::middle, small);
  }

  svg.begin_clip(area);
  for (const PlotLine& line : plot.lines) {
    std::vector<Point> path;
    for (const Point& p : line.points) path.push_back(place(p));
    if (line.loose) {
      svg.points(path, line.width, line.colour, line.opacity);
      continue;
    }
    svg.line(path, line.width, line.colour, line.opacity, line.hover, line.dash);
    if (line.dots)
      for (size_t i = 0; i < path.size(); ++i)
        svg.box({path[i][0] - dot, path[i][1] - dot, path[i][0] + dot, path[i][1] + dot},
                line.colour, dot,
                fmt::format("{}, {} {:g}: {:.4g}", line.hover, plot.x_label, line.points[i][0],
                            line.points[i][1]));
  }
  svg.end_clip();
  svg.line({{area.left, area.top}, {area.left, area.bottom}, {area.right, area.bottom}}, 1,
           Tone::soft);
  draw_legend(
      svg, plot, legend,
      legend.below ? Point{frame.left + margin, bottom + 8} : Point{area.right + 14, area.top + 8});
}

}  // namespace

void draw_plot(Svg& svg, const Box& frame, const Plot& plot) {
  draw(svg, frame, plot, place_legend(plot, frame.bottom - frame.top, frame.right - frame.left));
}

std::string draw_plot(const Plot& plot, double height, double width) {
  const LegendPlace legend = place_legend(plot, height, width);
  if (legend.below) width = std::max(width, legend.column + 2 * margin);
  height += legend.height();
  Svg svg(width, height, plot.title);
  draw(svg, {0, 0, width, height}, plot, legend);
  return svg.str();
}

}  // namespace weft
