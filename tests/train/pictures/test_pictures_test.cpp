// Pictures of a test say what was counted; graphs of sharing are as wide as there are tasks.
#include "train/pictures/test_pictures.h"

#include <set>

#include "tests/support/catch.h"
#include "tests/support/occurrences.h"
#include "train/pictures/sharing_graph.h"

using namespace weft;
using weft::test::count;

namespace {

bool has(const std::string& text, const std::string& what) { return text.find(what) != text.npos; }

}  // namespace

TEST_CASE("confusion: shares of the row, rows without labels left out", "[report]") {
  const std::string svg =
      draw_confusion("t", {"cat", "dog <1>", "emu"}, {3, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0});
  CHECK(has(svg, "cat taken for cat: 3 of 4, 75.0 %"));
  CHECK(has(svg, "cat taken for dog &lt;1&gt;: 1 of 4, 25.0 %"));
  CHECK_FALSE(has(svg, "emu taken for"));
  CHECK_FALSE(has(svg, "no number"));
  CHECK(has(draw_confusion("t", {"a", "b"}, {0, 0, 5, 0, 0, 0}), "a taken for no number: 5 of 5"));
}

TEST_CASE("reliability: the calibration error by hand", "[report]") {
  const std::vector<Reliability> bins{{0, 0, 0}, {10, 0.6, 0.5}, {30, 0.9, 1.0}};
  CHECK(calibration_error(bins) == Catch::Approx((10 * 0.1 + 30 * 0.1) / 40));
  CHECK(calibration_error({}) == 0);
  CHECK(has(draw_reliability("t", bins), "confidence 0.900: right 1.000 of 30 (75 %)"));
}

TEST_CASE("scatter: a point each, and nothing of nothing", "[report]") {
  CHECK(draw_scatter("t", "m", {}).empty());
  const std::string svg = draw_scatter("t", "m", {{1, 1}, {2, 3}, {3, 2}});
  CHECK(count(svg, "h0") == 6);  // over the label, and as residuals
  CHECK(has(draw_scatter("t", "m", {{1, 1}}), "</svg>"));
}

TEST_CASE("scatter: numbers of any size lie apart", "[report]") {
  for (const double unit : {1e-12, 1.0, 1e12}) {
    const std::string svg =
        draw_scatter("t", "m", {{unit, 2 * unit}, {2 * unit, 4 * unit}, {3 * unit, 3 * unit}});
    std::set<std::string> places;
    for (size_t end = svg.find("h0"); end != svg.npos; end = svg.find("h0", end + 1))
      places.insert(svg.substr(svg.rfind('M', end), end - svg.rfind('M', end)));
    CHECK(places.size() == 6);
  }
  CHECK(has(draw_scatter("t", "m", {{0, 0}, {0, 0}}), "</svg>"));
}

TEST_CASE("bars and histograms: numbers under the mouse", "[report]") {
  CHECK(has(draw_bars("t", {{"a", 3}, {"b", 1}}), "a: 3, 75 %"));
  CHECK(has(draw_bars("t", {{"a", 0}}), "a: 0, 0 %"));
  CHECK(has(draw_histogram("t", "m", 0, 4, {1, 0, 2, 0}), "2 to 3: 2"));
}

TEST_CASE("sharing graph: lines as wide as there are tasks, one that skips passes by", "[report]") {
  const auto run = BlockUse::run, skip = BlockUse::skip;
  // Block 0 for all at once; block 1 for a and c together, b skips it; block 2 for each alone.
  const std::vector<PlannedBlock> blocks{{"0", 1, {run, run, run}, {{0, 1, 2}}},
                                         {"1", 1, {run, skip, run}, {{0, 2}}},
                                         {"2", 1, {run, run, run}, {{0, 2}, {1}}}};
  const std::string svg = draw_sharing("s", {"a", "b", "c"}, blocks);
  CHECK(count(svg, "3 task(s): a, b, c") == 1);
  CHECK(count(svg, "2 task(s): a, c") == 2);
  CHECK(count(svg, "1 task(s): b") == 3);
  CHECK(count(svg, "stroke-width=\"15\"") == 1);
  CHECK(count(svg, "stroke-width=\"10\"") == 2);
  CHECK(count(svg, "<title>1: a, c</title>") == 1);
  CHECK(count(svg, "<title>1: b</title>") == 0);
}
