// Plots: round ticks, and that a line is where its data are.
#include "train/pictures/plot.h"

#include <fmt/format.h>

#include <cmath>

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
