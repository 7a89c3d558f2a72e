// Curves of a table with predictions: one a set of equal inputs, crosses where something was
// measured, nothing at or below 0 on a logarithmic axis, mistakes by file and line.
#include "train/pictures/table_curves.h"

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;

namespace {

const char* const rows =
    "vgs,vds,id,predicted.task,predicted\n"
    "1,0.5,1e-3,n,2e-3\n"
    "1,0,0,n,0\n"
    "2,0.5,,n,3e-3\n"
    "2,1,4e-3,n,4e-3\n"
    "2,1,4e-3,p,9e-3\n";

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

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
