// Pens and plots: coverage of pixels, clipping, round ticks, and that a line is where its data are.
#include "train/pictures/plot.h"

#include <algorithm>

#include "tests/support/catch.h"

using namespace weft;

namespace {

const Rgb black{0, 0, 0};

float at(const Picture& p, int y, int x) { return *p.at(y, x); }

bool has_colour(const Picture& p, const Rgb& colour, int x0, int x1, int y0, int y1) {
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x)
      if (std::equal(colour.begin(), colour.end(), p.at(y, x))) return true;
  return false;
}

}  // namespace

TEST_CASE("pen: a stroke covers its width, soft at the edge", "[plot]") {
  Picture picture(11, 21, 3, 1.0F);
  Pen pen(picture);
  pen.stroke({{4.5, 5.5}, {16.5, 5.5}}, 3, black);
  CHECK(at(picture, 5, 10) == 0);
  CHECK(at(picture, 4, 10) == 0);
  CHECK(at(picture, 6, 10) == 0);
  CHECK(at(picture, 3, 10) == 1);  // 2 from the middle line: past 1.5 + 0.5
  CHECK(at(picture, 5, 20) == 1);
  // Crossing itself makes it no darker, and the next stroke starts clean.
  Picture thin(11, 21, 3, 1.0F);
  Pen half(thin);
  half.stroke({{2.5, 5.5}, {18.5, 5.5}, {2.5, 5.5}}, 1, black, 0.5);
  CHECK(at(thin, 5, 10) == 0.5F);
  half.stroke({{10.5, 1.5}}, 1, black);
  CHECK(at(thin, 5, 10) == 0.5F);
  CHECK(at(thin, 1, 10) == 0);
}

TEST_CASE("pen: nothing outside the clip or the picture", "[plot]") {
  Picture picture(10, 10, 3, 1.0F);
  Pen pen(picture);
  pen.clip({2, 2, 8, 8});
  pen.stroke({{-30, -30}, {40, 40}}, 4, black);
  for (int i = 0; i < 10; ++i) CHECK(at(picture, i, i) == (i >= 2 && i < 8 ? 0.0F : 1.0F));
  pen.write({-5, 4}, "A?-WIDE TEXT", 2, black);
  CHECK(at(picture, 4, 9) == 1);
}

TEST_CASE("pen: letters take their width", "[plot]") {
  Picture picture(20, 60, 3, 1.0F);
  Pen pen(picture);
  const double width = Pen::text_width("HI", 2);
  CHECK(width == 22);
  pen.write({30, 3}, "HI", 2, black, Anchor::middle);
  const auto column_is_white = [&](int x) {
    for (int y = 0; y < picture.height; ++y)
      if (at(picture, y, x) != 1) return false;
    return true;
  };
  CHECK(column_is_white(17));
  CHECK_FALSE(column_is_white(20));
  CHECK_FALSE(column_is_white(37));
  CHECK(column_is_white(43));
}

TEST_CASE("plot: ticks are round numbers within the range", "[plot]") {
  using Ticks = std::vector<double>;
  CHECK(round_ticks(0, 220, 8) == Ticks{0, 50, 100, 150, 200});
  CHECK(round_ticks(-1, 1, 4) == Ticks{-1, -0.5, 0, 0.5, 1});
  const Ticks fine = round_ticks(1.03, 1.27, 6);
  REQUIRE(fine.size() == 5);
  CHECK(std::abs(fine[0] - 1.05) < 1e-12);
  CHECK(std::abs(fine[4] - 1.25) < 1e-12);
  CHECK(round_ticks(3, 3, 5).empty());
}

TEST_CASE("plot: a rising line ends at the top right, a clipped one stays inside", "[plot]") {
  const Rgb red{1, 0, 0}, blue{0, 0, 1};
  Plot plot;
  plot.title = "title";
  plot.x = {0, 10};
  plot.y = {0, 1};
  plot.lines = {{{{0, 0}, {10, 1}}, red, 5, 1}, {{{0, 0.5}, {10, 80}}, blue, 5, 1}};
  const Picture picture = draw_plot(plot, 300, 500);
  REQUIRE(picture.height == 300);
  REQUIRE(picture.width == 500);
  CHECK(has_colour(picture, red, 420, 470, 60, 100));
  CHECK(has_colour(picture, red, 60, 120, 190, 230));
  CHECK_FALSE(has_colour(picture, red, 60, 120, 60, 180));
  CHECK(has_colour(picture, blue, 60, 120, 68, 226));
  CHECK_FALSE(has_colour(picture, blue, 0, 500, 0, 67));
}
