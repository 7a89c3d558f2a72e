// The picture of cosines between tasks: a cell a pair and stage, and none where there is no number.
#include "train/pictures/cosine_picture.h"

#include "tests/support/catch.h"

using namespace weft;

TEST_CASE("a picture of cosines has every pair of every stage, and says which", "[pictures]") {
  const std::vector<std::optional<double>> stem{{}, -0.5, -0.5, {}}, all{{}, 0.875, 0.875, {}};
  const std::string svg = draw_cosines({"seg", "depth"}, {"stem", "all"}, {stem, all});
  CHECK_THAT(svg, contains_text("stem: seg and depth: -0.500"));
  CHECK_THAT(svg, contains_text("all: depth and seg: 0.875"));
  CHECK_THAT(svg, contains_text(">-0.50<"));
  int cells = 0;
  for (size_t at = svg.find(" and "); at != std::string::npos; at = svg.find(" and ", at + 1))
    ++cells;
  CHECK(cells == 4);
  CHECK_FALSE(draw_cosines({"seg"}, {"all"}, {{{}}}).empty());
  const std::string near_zero = draw_cosines({"a", "b"}, {"all"}, {{{}, -0.001, -0.001, {}}});
  CHECK_THAT(near_zero, contains_text(">0.00<"));
  CHECK(near_zero.find("-0.00<") == std::string::npos);
}
