// Plots: round ticks, and that a line is where its data are.
#include "train/pictures/plot.h"

#include <fmt/format.h>

#include <cmath>
#include <regex>
#include <set>

#include "tests/support/catch.h"

using namespace weft;

namespace {

/// A plot of so many lines, whose names are `length` letters long.
Plot plot_of(size_t lines, size_t length) {
  Plot plot;
  plot.title = "many";
  for (size_t i = 0; i < lines; ++i) {
    const std::string name = fmt::format("{:x>{}}", i, length);
    plot.lines.push_back({{{0, 0}, {1, 1}}, line_colour(i), 1, 1, name});
    plot.lines.back().dash = line_dash(i);
    plot.legend.push_back({name, line_colour(i), line_dash(i)});
  }
  return plot;
}

struct Legend {
  double width = 0, height = 0, ticks = 0;  ///< of the picture; where the words below the axis are
  std::vector<Box> names;                   ///< in their order, as wide as their letters
};

Legend legend_of(const Plot& plot) {
  const std::string svg = draw_plot(plot);
  Legend out;
  std::smatch found;
  REQUIRE(std::regex_search(svg, found, std::regex("viewBox=\"0 0 ([0-9.]+) ([0-9.]+)\"")));
  out.width = std::stod(found[1]);
  out.height = std::stod(found[2]);
  const std::regex text("<text x=\"([0-9.]+)\" y=\"([0-9.]+)\"[^>]*>([^<]*)<");
  for (std::sregex_iterator i(svg.begin(), svg.end(), text), end; i != end; ++i) {
    const double x = std::stod((*i)[1]), y = std::stod((*i)[2]);
    if ((*i)[3] == plot.x_label) out.ticks = y;
    for (const LegendEntry& entry : plot.legend)
      if ((*i)[3] == entry.name)
        out.names.push_back({x, y - 12, x + Svg::text_width(entry.name, 12), y});
  }
  return out;
}

}  // namespace

TEST_CASE("plot: a legend of any number of names, of any length, lies within its picture",
          "[pictures]") {
  for (const size_t lines : {1, 3, 14, 15, 26, 100})
    for (const size_t length : {4, 30, 60, 200}) {
      INFO(lines << " names of " << length << " letters");
      Plot plot = plot_of(lines, length);
      plot.x_label = "step";
      for (const char* note : {"", "by their last loss"}) {
        plot.legend_note = note;
        const Legend legend = legend_of(plot);
        REQUIRE(legend.names.size() == lines);
        for (size_t i = 0; i < lines; ++i) {
          const Box& at = legend.names[i];
          CHECK((at.left >= 0 && at.right <= legend.width && at.bottom <= legend.height));
          for (size_t j = 0; j < i; ++j) {
            const Box& other = legend.names[j];
            const bool apart = at.left >= other.right || at.right <= other.left ||
                               at.top >= other.bottom || at.bottom <= other.top;
            CHECK(apart);
          }
        }
        // A few short names are at the right, and the picture is no larger for them.
        const bool right = lines < 15 && length < 40 && *note == '\0';
        CHECK((legend.names[0].bottom < legend.ticks) == right);
        if (right) CHECK((legend.height == 360 && legend.width == 720));
      }
    }
}

TEST_CASE("plot: 48 lines are told apart, by their colours and how they are dashed", "[pictures]") {
  std::set<std::string> looks;
  const std::string svg = draw_plot(plot_of(48, 4));
  const std::regex line("<polyline [^>]*( stroke=\"#[^>]*)>(<title>)");
  for (std::sregex_iterator i(svg.begin(), svg.end(), line), end; i != end; ++i)
    looks.insert((*i)[1]);
  CHECK(looks.size() == 48);
  CHECK_THAT(svg, contains_text("stroke-dasharray=\"8 5\""));
}

TEST_CASE("plot: ticks are round numbers within the range", "[pictures]") {
  using Ticks = std::vector<double>;
  CHECK(round_ticks(0, 220, 8) == Ticks{0, 50, 100, 150, 200});
  CHECK(round_ticks(-1, 1, 4) == Ticks{-1, -0.5, 0, 0.5, 1});
  const Ticks fine = round_ticks(1.03, 1.27, 6);
  REQUIRE(fine.size() == 5);
  CHECK(std::abs(fine[0] - 1.05) < 1e-12);
  CHECK(std::abs(fine[4] - 1.25) < 1e-12);
  CHECK(round_ticks(3, 3, 5).empty());
}

TEST_CASE("plot: a line from corner to corner of its ranges goes from corner to corner of the axes",
          "[pictures]") {
  Plot plot;
  plot.title = "loss & more";
  plot.x = {0, 10};
  plot.y = {0, 1};
  plot.lines = {{{{0, 0}, {10, 1}}, {1, 0, 0}, 5, 1, "rising"}};
  const std::string svg = draw_plot(plot, 300, 500);
  // Axes: 20 + the ticks' words + 8 from the left, 44 from the top, 46 from the bottom, 20 at right.
  const double left = 28 + Svg::text_width("0.2", 12);
  const auto text = [](double v) { return fmt::format("{:.2f}", v); };
  CHECK_THAT(svg, contains_text("points=\"" + text(left) + ",254 480,44\""));
  CHECK_THAT(svg, contains_text("stroke=\"#ff0000\""));
  CHECK_THAT(svg, contains_text("<title>rising</title>"));
  CHECK_THAT(svg, contains_text("loss &amp; more"));
  plot.lines[0].points = {{0, 0.5}, {10, 80}};  // beyond the range: clipped by the axes' box
  CHECK_THAT(draw_plot(plot, 300, 500),
             contains_text("<clipPath id=\"clip0\"><rect x=\"" + text(left) + "\" y=\"44\""));
}

TEST_CASE("plot: logarithmic axes have ticks 1, 2, 5 or powers of ten, and a power law is a line",
          "[pictures]") {
  using Ticks = std::vector<double>;
  CHECK(log_ticks(1, 8, 6) == Ticks{1, 2, 5});
  CHECK(log_ticks(0.2, 100, 8) == Ticks{1, 10, 100});
  CHECK(log_ticks(30, 400, 6) == Ticks{50, 100, 200});
  Plot plot;
  plot.logarithmic = true;
  plot.x = {1, 16};
  plot.y = {10, 160};
  plot.lines = {{{{1, 10}, {4, 40}, {16, 160}}, {1, 0, 0}, 5, 1, "linear"}};
  const std::string svg = draw_plot(plot, 290, 400);
  const double left = 28 + Svg::text_width("100", 12);
  const auto text = [](double v) { return fmt::format("{:g}", std::round(v * 100) / 100); };
  CHECK_THAT(svg, contains_text(fmt::format("points=\"{},244 {},144 380,44\"", text(left),
                                            text((left + 380) / 2))));
}

TEST_CASE("plot: one of several is the plot alone, moved to its frame", "[pictures]") {
  Plot plot;
  plot.lines = {{{{0, 0}, {1, 1}}, {1, 0, 0}, 5, 1, ""}};
  Svg both(900, 600, "two");
  draw_plot(both, {100, 200, 600, 500}, plot);
  const double left = 28 + Svg::text_width("0.2", 12);
  const auto text = [](double v) { return fmt::format("{:g}", std::round(v * 100) / 100); };
  CHECK_THAT(draw_plot(plot, 300, 500), contains_text("points=\"" + text(left) + ",254 480,44\""));
  CHECK_THAT(both.str(), contains_text("points=\"" + text(left + 100) + ",454 580,244\""));
}
