// Curves of a table with predictions: one a set of equal inputs, crosses where something was
// measured, nothing at or below 0 on a logarithmic axis, mistakes by file and line.
#include "train/pictures/table_curves.h"

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/occurrences.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::count;
using weft::test::message_of;

namespace {

const char* const rows =
    "vgs,vds,id,predicted.task,predicted\n"
    "1,0.5,1e-3,n,2e-3\n"
    "1,0,0,n,0\n"
    "2,0.5,,n,3e-3\n"
    "2,1,4e-3,n,4e-3\n"
    "2,1,4e-3,p,9e-3\n";

}  // namespace

TEST_CASE("curves of a table: one for each set of other inputs, crosses where measured",
          "[pictures]") {
  const Csv table = parse_csv(rows, "t.csv");
  TableCurves what{"n", "id", "vds", {"vgs", "vds"}, false};
  const std::string linear = draw_table_curves(table, what);
  CHECK(linear.find("n: id, measured (crosses) and predicted") != std::string::npos);
  CHECK(linear.find("vgs 1") != std::string::npos);
  CHECK(linear.find("vgs 2") != std::string::npos);
  CHECK(linear.find("vgs 3") == std::string::npos);
  what.logarithmic = true;
  const std::string log = draw_table_curves(table, what);
  CHECK(log.find("log10 id") != std::string::npos);
  // Three crosses of two strokes; one is at 0 and has no logarithm.
  CHECK(count(linear, "opacity=\"0.8\"") == 6);
  CHECK(count(log, "opacity=\"0.8\"") == 4);
  what.task = "q";
  CHECK(draw_table_curves(table, what).empty());
  what.task = "n";
  what.along = "vbs";
  CHECK_THAT(message_of<DataError>([&] { draw_table_curves(table, what); }), contains_text("vbs"));
  const Csv odd = parse_csv("vds,id,predicted.task,predicted\nx,1,n,1\n", "odd.csv");
  CHECK_THAT(message_of<DataError>([&] {
               draw_table_curves(odd, {"n", "id", "vds", {"vds"}, false});
             }),
             contains_text("odd.csv:2: column 'vds'"));
}

TEST_CASE(
    "curves: where nothing is above 0 there is no logarithmic picture, and one value alone has an "
    "axis",
    "[pictures]") {
  // Eleven curves, so that not all are drawn; nothing is predicted or measured above 0.
  std::string text = "vgs,vds,id,predicted.task,predicted\n";
  for (int vgs = 0; vgs < 11; ++vgs)
    for (int vds = 0; vds < 2; ++vds) text += fmt::format("{},{},{},n,0\n", vgs, vds, -1e-9 * vds);
  const Csv none = parse_csv(text, "t.csv");
  CHECK(draw_table_curves(none, {"n", "id", "vds", {"vgs", "vds"}, true}).empty());
  CHECK(!draw_table_curves(none, {"n", "id", "vds", {"vgs", "vds"}, false}).empty());
  // What is measured is shown where the prediction has no logarithm.
  const Csv crosses =
      parse_csv("vds,id,predicted.task,predicted\n1,1e-6,n,0\n2,1e-5,n,0\n", "t.csv");
  const std::string measured = draw_table_curves(crosses, {"n", "id", "vds", {"vds"}, true});
  CHECK(count(measured, "opacity=\"0.8\"") == 4);
  // One value alone, however large, lies in the middle of its range.
  for (const char* value : {"0", "1e-9", "-3e30", "3e38"}) {
    INFO(value);
    const Csv one = parse_csv(
        fmt::format("vds,id,predicted.task,predicted\n1,,n,{0}\n2,,n,{0}\n", value), "t.csv");
    const std::string svg = draw_table_curves(one, {"n", "id", "vds", {"vds"}, false});
    CHECK(count(svg, ",209") >= 2);  // of the axis from 44 to 374, and the line has two points
  }
}

TEST_CASE("curves: the ten of most rows, in the order of their inputs, alike on both axes",
          "[pictures]") {
  // Curves 0 to 11 of one row, 12 to 14 of three, of which two rows have no logarithm.
  std::string text = "vgs,vds,id,predicted.task,predicted\n";
  for (int vgs = 14; vgs >= 0; --vgs)
    for (int vds = 0; vds < (vgs < 12 ? 1 : 3); ++vds)
      text += fmt::format("{},{},,n,{}\n", vgs, vds, vds == 0 ? "1e-6" : "0");
  const Csv table = parse_csv(text, "t.csv");
  for (const bool logarithmic : {false, true}) {
    const std::string svg =
        draw_table_curves(table, {"n", "id", "vds", {"vgs", "vds"}, logarithmic});
    INFO(logarithmic);
    size_t before = 0;
    for (const int vgs : {0, 1, 2, 3, 4, 5, 6, 12, 13, 14}) {
      const size_t at = svg.rfind(fmt::format(">vgs {}<", vgs));
      REQUIRE(at != std::string::npos);
      CHECK(at > before);
      before = at;
    }
    CHECK(svg.find(">vgs 7<") == std::string::npos);
    CHECK(svg.find(">vgs 11<") == std::string::npos);
  }
}

TEST_CASE("curves: words tell curves apart, too", "[pictures]") {
  const Csv table = parse_csv(
      "kind,vds,id,predicted.task,predicted\nbig,1,1,n,1\nsmall,1,2,n,2\n,1,3,n,3\nbig,2,2,n,2\n",
      "t.csv");
  const std::string svg = draw_table_curves(table, {"n", "id", "vds", {"kind", "vds"}, false});
  CHECK(svg.find("kind big") != std::string::npos);
  CHECK(svg.find("kind small") != std::string::npos);
}
