// Tables as text: each style's exact form, and what LaTeX must not meet unescaped.
#include "train/study/table_text.h"

#include <cmath>

#include "tests/support/catch.h"

using namespace weft;

namespace {

const std::vector<Cells> rows{{"method", "seg miou ↑", "Δ_T %"},
                              {"single", "**41.20** ± 0.31", "-"},
                              {"cross_stitch, \"x\"", "9.10", "+1.25"}};

}  // namespace

TEST_CASE("table text: aligned by columns of the terminal, not by bytes", "[table]") {
  CHECK(table_text(rows, TableStyle::text) ==
        "method                   seg miou ↑  Δ_T %\n"
        "single             **41.20** ± 0.31      -\n"
        "cross_stitch, \"x\"              9.10  +1.25\n");
  CHECK(table_text({{"run", "a"}, {"one", "1"}, {"two", "22"}}, TableStyle::text, true) ==
        "run  one  two\n"
        "a      1   22\n");
}

TEST_CASE("table text: Markdown, CSV and LaTeX", "[table]") {
  CHECK(table_text(rows, TableStyle::markdown) ==
        "| method | seg miou ↑ | Δ_T % |\n"
        "|---|--:|--:|\n"
        "| single | **41.20** ± 0.31 | - |\n"
        "| cross_stitch, \"x\" | 9.10 | +1.25 |\n");
  CHECK(table_text(rows, TableStyle::csv) ==
        "method,seg miou ↑,Δ_T %\n"
        "single,**41.20** ± 0.31,-\n"
        "\"cross_stitch, \"\"x\"\"\",9.10,+1.25\n");
  CHECK(table_text(rows, TableStyle::latex) ==
        "\\begin{tabular}{lrr}\n\\toprule\n"
        "method & seg miou $\\uparrow$ & $\\Delta_T$ \\% \\\\\n\\midrule\n"
        "single & \\textbf{41.20} $\\pm$ 0.31 & - \\\\\n"
        "cross\\_stitch, \"x\" & 9.10 & +1.25 \\\\\n"
        "\\bottomrule\n\\end{tabular}\n");
  CHECK(latex_text("a&b#c$d{e}f^g~h\\i 2 × x") ==
        "a\\&b\\#c\\$d\\{e\\}f\\^{}g\\textasciitilde{}h\\textbackslash{}i 2 $\\times$ x");
  CHECK(table_text({}, TableStyle::csv).empty());
}

TEST_CASE("table text: numbers keep three or four digits", "[table]") {
  CHECK(number_text(123.456) == "123.5");
  CHECK(number_text(-12.345) == "-12.35");
  CHECK(number_text(0.123456) == "0.1235");
  CHECK(number_text(std::nullopt) == "-");
  CHECK(number_text(std::nan("")) == "nan");
  CHECK(number_text(-std::nan("")) == "nan");
  CHECK(number_text(-HUGE_VAL) == "-inf");
}
