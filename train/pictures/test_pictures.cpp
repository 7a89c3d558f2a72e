// Pictures of a test and of labels; see test_pictures.h.
#include "train/pictures/test_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "train/pictures/plot.h"

namespace weft {
namespace {

constexpr double margin = 14, small = 12, large = 15;
constexpr Rgb blue{0.043F, 0.306F, 0.635F}, pale{0.86F, 0.9F, 0.96F}, orange{0.9F, 0.6F, 0.0F};
constexpr size_t most_numbers = 14;  ///< classes whose cells have room for a number

Rgb between(const Rgb& a, const Rgb& b, double t) {
  Rgb out{};
  for (size_t c = 0; c < 3; ++c) out[c] = a[c] + (b[c] - a[c]) * static_cast<float>(t);
  return out;
}

/// A name short enough to stand beside a picture.
std::string cut(const std::string& name, size_t most = 16) {
  if (name.size() <= most) return name;
  size_t end = most - 1;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end) + "…";
}

double widest(const std::vector<std::string>& names) {
  double width = 0;
  for (const std::string& name : names) width = std::max(width, Svg::text_width(cut(name), small));
  return width;
}

std::string percent(double share) { return fmt::format("{:.0f}", 100 * share); }

}  // namespace

std::string draw_confusion(const std::string& title, const std::vector<std::string>& classes,
                           const std::vector<int64_t>& counts) {
  const size_t columns = classes.size() + 1;
  std::vector<size_t> rows;
  bool none = false;
  for (size_t i = 0; i < classes.size(); ++i) {
    const auto row = counts.begin() + static_cast<int64_t>(i * columns);
    if (std::accumulate(row, row + static_cast<int64_t>(columns), int64_t{0}) > 0)
      rows.push_back(i);
    none = none || counts[i * columns + classes.size()] > 0;
  }
  const size_t shown = classes.size() + (none ? 1 : 0);
  const bool numbers = classes.size() <= most_numbers;
  const double cell = numbers ? 40 : 16, step = numbers ? 26 : 16;
  const double left = margin + widest(classes) + 10, slanted = widest(classes) * 0.72 + 14;
  const double top = 40 + slanted;
  Svg svg(left + static_cast<double>(shown) * cell + slanted + margin,
          top + static_cast<double>(rows.size()) * step + 34, title);
  svg.text({margin, 24}, title, Tone::ink, Anchor::left, large);
  for (size_t j = 0; j < shown; ++j)
    svg.slanted_text({left + (static_cast<double>(j) + 0.5) * cell, top - 6},
                     j < classes.size() ? cut(classes[j]) : "no number", Tone::soft, small);
  for (size_t r = 0; r < rows.size(); ++r) {
    const size_t i = rows[r];
    const double y = top + static_cast<double>(r) * step;
    int64_t all = 0;
    for (size_t j = 0; j < columns; ++j) all += counts[i * columns + j];
    svg.text({left - 8, y + step / 2 + 4}, cut(classes[i]), Tone::ink, Anchor::right, small);
    for (size_t j = 0; j < shown; ++j) {
      const int64_t n = counts[i * columns + j];
      const double share = static_cast<double>(n) / static_cast<double>(all);
      const double x = left + static_cast<double>(j) * cell;
      const std::string said = j < classes.size() ? classes[j] : "no number";
      svg.box({x + 0.5, y + 0.5, x + cell - 0.5, y + step - 0.5},
              n == 0 ? Paint(Tone::faint) : Paint(between(pale, blue, share)), 2,
              fmt::format("{} taken for {}: {} of {}, {:.1f} %", classes[i], said, n, all,
                          100 * share));
      if (numbers && n > 0)
        svg.text({x + cell / 2, y + step / 2 + 4}, share < 0.005 ? "<1" : percent(share),
                 share > 0.5 ? Paint(Rgb{1, 1, 1}) : Paint(Rgb{0.06F, 0.08F, 0.1F}), Anchor::middle,
                 small);
    }
  }
  svg.text({left, top + static_cast<double>(rows.size()) * step + 20},
           "rows: labels, columns: predictions; percent of the row", Tone::soft, Anchor::left,
           small);
  return svg.str();
}

namespace {

Plot points_plot(std::string title, std::string x, const std::vector<Point>& points,
                 std::vector<Point> line) {
  Plot plot;
  plot.title = std::move(title);
  plot.x_label = std::move(x);
  for (size_t axis = 0; axis < 2; ++axis) {
    auto& range = axis == 0 ? plot.x : plot.y;
    const auto [low, high] =
        std::minmax_element(points.begin(), points.end(),
                            [&](const Point& a, const Point& b) { return a[axis] < b[axis]; });
    const double span = (*high)[axis] - (*low)[axis], last = std::abs((*high)[axis]);
    // Numbers may be of any size: nothing absolute, but where all are 0. Past nine digits there are
    // no round numbers for the axis.
    const double room = span > 0 ? std::max(0.04 * span, 1e-9 * last) : last > 0 ? 1e-3 * last : 1;
    range = {(*low)[axis] - room, (*high)[axis] + room};
  }
  plot.lines.push_back({std::move(line), line_colour(9), 1.5, 1, ""});
  PlotLine dots;
  dots.points = points;
  dots.colour = line_colour(1);
  dots.width = 4;
  dots.opacity = 0.45;
  dots.loose = true;
  plot.lines.push_back(std::move(dots));
  return plot;
}

}  // namespace

std::string draw_scatter(const std::string& title, const std::string& value,
                         const std::vector<Point>& points) {
  if (points.empty()) return "";
  std::vector<Point> residuals;
  double low = points[0][0], high = low;
  for (const Point& p : points) {
    residuals.push_back({p[0], p[1] - p[0]});
    low = std::min(low, p[0]);
    high = std::max(high, p[0]);
  }
  constexpr double width = 270, height = 260;
  Svg svg(2 * width, height, title);
  const std::string x = "label" + (value.empty() ? "" : ": " + value);
  Plot over = points_plot(cut(title, 24) + ": predicted", x, points, {{low, low}, {high, high}});
  draw_plot(svg, {0, 0, width, height}, over);
  Plot left = points_plot("prediction − label", x, residuals, {{low, 0}, {high, 0}});
  left.x = over.x;
  draw_plot(svg, {width, 0, 2 * width, height}, left);
  return svg.str();
}

double calibration_error(const std::vector<Reliability>& bins) {
  double all = 0, sum = 0;
  for (const Reliability& bin : bins) {
    all += static_cast<double>(bin.count);
    sum += static_cast<double>(bin.count) * std::abs(bin.right - bin.confidence);
  }
  return all > 0 ? sum / all : 0;
}

std::string draw_reliability(const std::string& title, const std::vector<Reliability>& bins) {
  constexpr double width = 352, height = 330, bars = 60;
  Svg svg(width, height, title);
  svg.text({margin, 24}, title, Tone::ink, Anchor::left, large);
  const Box area{54, 40, width - margin, height - bars - 34};
  const auto x = [&](double v) { return area.left + v * (area.right - area.left); };
  const auto y = [&](double v) { return area.bottom - v * (area.bottom - area.top); };
  for (const double tick : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    svg.line({{area.left, y(tick)}, {area.right, y(tick)}}, 1, Tone::faint);
    svg.text({area.left - 8, y(tick) + 4}, fmt::format("{:g}", tick), Tone::soft, Anchor::right,
             small);
    svg.text({x(tick), height - 22}, fmt::format("{:g}", tick), Tone::soft, Anchor::middle, small);
  }
  int64_t most = 1, all = 0;
  for (const Reliability& bin : bins) {
    most = std::max(most, bin.count);
    all += bin.count;
  }
  const double each = 1.0 / static_cast<double>(bins.size()), base = height - 38;
  for (size_t b = 0; b < bins.size(); ++b) {
    const Reliability& bin = bins[b];
    if (bin.count == 0) continue;
    const double left = x(static_cast<double>(b) * each) + 1,
                 right = x(static_cast<double>(b + 1) * each) - 1;
    const std::string hover =
        fmt::format("confidence {:.3f}: right {:.3f} of {} ({:.2g} %)", bin.confidence, bin.right,
                    bin.count, 100.0 * static_cast<double>(bin.count) / static_cast<double>(all));
    const double low = std::min(bin.right, bin.confidence),
                 high = std::max(bin.right, bin.confidence);
    svg.box({left, y(low), right, area.bottom}, line_colour(1), 0, hover);
    svg.box({left, y(high), right, y(low)},
            bin.right > bin.confidence ? Paint(line_colour(5)) : Paint(orange), 0, hover);
    svg.box({left, base - (bars - 22) * static_cast<double>(bin.count) / static_cast<double>(most),
             right, base},
            Tone::soft, 0, hover);
  }
  svg.line({{x(0), y(0)}, {x(1), y(1)}}, 1.5, Tone::ink);
  svg.line({{area.left, area.top}, {area.left, area.bottom}, {area.right, area.bottom}}, 1,
           Tone::soft);
  svg.text({(area.left + area.right) / 2, height - 6}, "confidence (below: how many)", Tone::soft,
           Anchor::middle, small);
  return svg.str();
}

std::string draw_bars(const std::string& title, const std::vector<Bar>& bars) {
  std::vector<std::string> names;
  double most = 0, sum = 0;
  for (const Bar& bar : bars) {
    names.push_back(bar.name);
    most = std::max(most, bar.value);
    sum += bar.value;
  }
  constexpr double row = 20, width = 352;
  const double left = margin + widest(names) + 10, room = width - left - 92;
  Svg svg(width, 42 + row * static_cast<double>(bars.size()) + 8, title);
  svg.text({margin, 24}, title, Tone::ink, Anchor::left, large);
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = 40 + row * static_cast<double>(i);
    const double length = most > 0 ? std::max(1.0, room * bars[i].value / most) : 1;
    const double share = sum > 0 ? 100 * bars[i].value / sum : 0;
    svg.text({left - 8, y + 14}, cut(bars[i].name), Tone::ink, Anchor::right, small);
    svg.box({left, y + 3, left + length, y + row - 3}, bars[i].paint, 2,
            fmt::format("{}: {:g}, {:.3g} %", bars[i].name, bars[i].value, share));
    svg.text({left + length + 6, y + 14}, fmt::format("{:.3g} %", share), Tone::soft, Anchor::left,
             small);
  }
  return svg.str();
}

std::string draw_histogram(const std::string& title, const std::string& value, double least,
                           double most, const std::vector<int64_t>& bins) {
  constexpr double width = 352, height = 190;
  Svg svg(width, height, title);
  svg.text({margin, 24}, title, Tone::ink, Anchor::left, large);
  const Box area{margin, 40, width - margin, height - 42};
  const int64_t high =
      bins.empty() ? 1 : std::max<int64_t>(1, *std::max_element(bins.begin(), bins.end()));
  const double each =
      (area.right - area.left) / static_cast<double>(std::max<size_t>(1, bins.size()));
  const double bin_width = (most - least) / static_cast<double>(std::max<size_t>(1, bins.size()));
  for (size_t i = 0; i < bins.size(); ++i) {
    const double x = area.left + each * static_cast<double>(i);
    svg.box({x + 0.5,
             area.bottom - (area.bottom - area.top) * static_cast<double>(bins[i]) /
                               static_cast<double>(high),
             x + each - 0.5, area.bottom},
            line_colour(1), 0,
            fmt::format("{:.4g} to {:.4g}: {}", least + bin_width * static_cast<double>(i),
                        least + bin_width * static_cast<double>(i + 1), bins[i]));
  }
  svg.line({{area.left, area.bottom}, {area.right, area.bottom}}, 1, Tone::soft);
  svg.text({area.left, height - 24}, fmt::format("{:.4g}", least), Tone::soft, Anchor::left, small);
  svg.text({area.right, height - 24}, fmt::format("{:.4g}", most), Tone::soft, Anchor::right,
           small);
  svg.text({width / 2, height - 8}, cut(value, 50), Tone::soft, Anchor::middle, small);
  return svg.str();
}

}  // namespace weft
