// Plots: round ticks, and that a line is where its data are.
#include "train/pictures/plot.h"

#include <fmt/format.h>

#include "tests/support/catch.h"

using namespace weft;

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
