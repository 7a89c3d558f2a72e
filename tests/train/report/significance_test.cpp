// Methods against each other in a page: what is marked, what is said of the test, who is compared with.
#include "train/report/significance.h"

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/occurrences.h"

using namespace weft;
using weft::test::count;

namespace {

RunSummary run_of(int64_t seed, double miou, double loss) {
  RunSummary run;
  run.seed = seed;
  run.tasks = {"seg"};
  run.results = {{"seg", loss, {{"miou", miou, true}}}};
  return run;
}

/// Better by 2, 2.1 and 1.9 points; a loss that goes up and down.
std::vector<Compared> methods() {
  return {{"hard", {run_of(1, 30, 1), run_of(2, 33, 1.1), run_of(3, 31, 0.9)}},
          {"ada & co", {run_of(1, 32, 0.9), run_of(2, 35.1, 1.2), run_of(3, 32.9, 0.9)}},
          {"unfinished", {}}};
}

}  // namespace

TEST_CASE("significance: what every seed repeats is marked, and only that", "[report]") {
  const std::string html = significance("x", methods(), "");
  // Against hard: miou 2 ± 0.1, t = 34.6, p = 0.0008; against the other the same, as worse.
  CHECK(count(html, "<td class=better>") == 1);
  CHECK(count(html, "<td class=worse>") == 1);
  CHECK(count(html, "+2, p &lt; 0.001") == 1);
  CHECK(count(html, "p 1.000") == 2);  // the loss's mean difference is 0
  CHECK(count(html, "data-of=\"x\"") == 2);
  CHECK(count(html, "data-of=\"x\" hidden") == 1);
  CHECK(count(html, "with 3 pairs |t| has to pass 4.30") == 1);
  CHECK(count(html, "below p = 0.25") == 1);
  CHECK(count(html, "ada &amp; co") > 0);
  CHECK(count(html, "unfinished") == 0);
}

TEST_CASE("significance: the row is chosen by name, and seeds are paired", "[report]") {
  const std::string html = significance("x", methods(), "ada & co");
  CHECK(html.find("<option selected>ada &amp; co") != html.npos);
  CHECK_THROWS_WITH(significance("x", methods(), "soft"),
                    weft::contains_text("there are: hard, ada & co"));
  // Two seeds in common are the least that has a deviation.
  auto rows = methods();
  rows[1].runs.resize(1);
  CHECK(significance("x", rows, "").empty());
  CHECK(significance("x", {}, "").empty());
  rows = methods();
  rows[1].runs[0].seed = 9;
  CHECK(count(significance("x", rows, ""), "with 2 pairs") == 1);
}
