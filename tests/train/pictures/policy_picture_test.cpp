// Policies, their history and plans as pictures: every number that is shown is the one given.
#include "train/pictures/policy_picture.h"

#include "tests/support/catch.h"
#include "tests/support/occurrences.h"
#include "train/pictures/sheet.h"

using namespace weft;
using weft::test::count;

namespace {

const std::vector<std::string> tasks{"seg", "depth"}, blocks{"layer1.0", "layer1.1", "layer2.0"};

}  // namespace

TEST_CASE("a policy's picture says what each task executes, and how sure it is", "[pictures]") {
  const std::vector<std::vector<double>> p{{0.0, 0.5, 1.0}, {1.0, 1.0, 0.125}};
  const std::string svg = draw_policy(tasks, blocks, p, {{0, 1, 1}, {1, 1, 0}});
  CHECK_THAT(svg, contains_text("seg, layer1.1: p(select) = 0.500, executed"));
  CHECK_THAT(svg, contains_text("depth, layer2.0: p(select) = 0.125, skipped"));
  CHECK(count(svg, ", executed<") == 4);
  CHECK(count(svg, ", skipped<") == 2);
  const std::string undrawn = draw_policy(tasks, blocks, p, {});
  CHECK(count(undrawn, "executed") + count(undrawn, "skipped") == 0);
  const std::string routes = draw_policy(tasks, blocks, p, {{1, 2, 1}, {1, 3, 1}}, "p", true);
  CHECK_THAT(routes, contains_text("depth, layer1.1: p = 1.000, takes function block 3"));
  CHECK(count(routes, ">f1 ") == 4);
  CHECK(count(routes, "skip") == 0);
}

TEST_CASE("a history's picture has a cell for every task, block and epoch", "[pictures]") {
  std::vector<std::vector<std::vector<double>>> history;
  for (int epoch = 0; epoch < 4; ++epoch)
    history.push_back({{0.25 * epoch, 0, 0}, {0, 0, 0.25 * epoch}});
  const std::string svg = draw_history(tasks, blocks, history);
  CHECK(count(svg, ", epoch ") == 2 * 3 * 4);
  CHECK_THAT(svg, contains_text("depth, layer2.0, epoch 3: 0.750"));
  CHECK_FALSE(draw_history(tasks, blocks, {}).empty());
}

TEST_CASE("a plan's picture counts runs, and joins the lanes that one run serves", "[pictures]") {
  using enum BlockUse;
  const std::vector<PlannedBlock> plan{{"layer1.0", 2, {run, run}, {{0, 1}}},
                                       {"layer1.1", 3, {skip, mix}, {{1}}},
                                       {"layer2.0", 4, {skip, skip}, {}}};
  const std::string svg = draw_plan("a plan", tasks, plan);
  CHECK_THAT(svg, contains_text("layer1.0: seg executes, with 2 task(s)"));
  CHECK_THAT(svg, contains_text("layer1.1: depth mixes both branches, with 1 task(s)"));
  CHECK(count(svg, "layer2.0: ") == 0);
  CHECK(count(svg, ">1x<") == 2);
  CHECK(count(svg, ">0x<") == 1);
  CHECK_THAT(svg, contains_text("Blocks: 5.0 MMAC an image"));
}

TEST_CASE("a sheet holds every picture and the words below them", "[pictures]") {
  Sheet sheet{"title", {"input", "label"}, {}};
  sheet.rows.push_back({{Picture(4, 8, 3, 0.5F), Picture(2, 4, 3, 1.0F)}, "kind is 1 <yes>"});
  sheet.rows.push_back({{Picture(4, 8, 3, 0.5F), Picture{}}, ""});
  const std::string svg = draw_sheet(sheet);
  CHECK(count(svg, "<image ") == 3);
  CHECK(count(svg, "width=\"120\" height=\"60\"") == 3);  // enlarged alike, in their shape
  CHECK_THAT(svg, contains_text("kind is 1 &lt;yes&gt;"));
  CHECK_THAT(svg, contains_text(">label</text>"));
  // As one picture: cells of 4 x 8, and 4 between them in white.
  const Picture whole = raster(sheet);
  REQUIRE((whole.height == 12 && whole.width == 20 && whole.channels == 3));
  CHECK(*whole.at(0, 7) == 0.5f);
  CHECK(*whole.at(0, 8) == 1);
  CHECK(*whole.at(8, 0) == 0.5f);
  CHECK(*whole.at(8, 12) == 1);  // a gap
  CHECK(raster(Sheet{"none", {"input"}, {}}).empty());
}
