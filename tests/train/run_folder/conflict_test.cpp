// Mean cosines of balance.jsonl: over the steps in which both tasks have a gradient, stage by stage,
// and a run folder's one number.
#include "train/run_folder/conflict.h"

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;

namespace {

BalanceLine line_of(std::vector<size_t> tasks, std::vector<BalanceRecord::Stage> stages) {
  BalanceLine line;
  line.record = {std::move(tasks), {}, std::move(stages)};
  return line;
}

}  // namespace

TEST_CASE("conflict: cosines are means over the steps that have both gradients", "[balance]") {
  const std::vector<BalanceLine> lines{
      line_of({0, 1, 2}, {{"stem", {1, 1, 1}, {1, 0.5, 0, 0.5, 1, 0, 0, 0, 1}},
                          {"all", {2, 1, 1}, {1, -0.5, 0.25, -0.5, 1, 0.75, 0.25, 0.75, 1}}}),
      // Task 1 has no label; task 2 no gradient in the stem, and layer1 is shared for the first time.
      line_of({0, 2}, {{"stem", {1, 0}, {1, 0, 0, 0}},
                       {"layer1", {1, 1}, {1, -1, -1, 1}},
                       {"all", {1, 1}, {1, -0.75, -0.75, 1}}})};
  const Conflict conflict = conflict_of(lines, 3);
  CHECK(conflict.stages == std::vector<std::string>{"stem", "layer1", "all"});
  REQUIRE(conflict.cosines.size() == 3);
  CHECK(conflict.cosines[0] == std::vector<Measure>{{}, 0.5, 0.0, 0.5, {}, 0.0, 0.0, 0.0, {}});
  CHECK(conflict.cosines[1] == std::vector<Measure>{{}, {}, -1.0, {}, {}, {}, -1.0, {}, {}});
  CHECK(conflict.cosines[2] ==
        std::vector<Measure>{{}, -0.5, -0.25, -0.5, {}, 0.75, -0.25, 0.75, {}});
  CHECK(*conflict.mean == (-0.5 + 0.25 + 0.75 - 0.75) / 4);
  const Conflict nothing = conflict_of({line_of({0, 1}, {})}, 2);
  CHECK(nothing.stages.empty());
  CHECK_FALSE(nothing.mean);
}

TEST_CASE("conflict: a run folder that was not watched has none", "[balance]") {
  const test::TempFolder folder;
  CHECK_FALSE(mean_cosine(folder.path(), {"a", "b"}));
  write_file(folder.file("balance.jsonl"),
             R"({"phase":"retrain","step":2,"epoch":0,"tasks":["a","b"],"weights":[1,1],)"
             R"("stages":[{"stage":"all","norms":[1,2],"cosines":[[1,-0.25],[-0.25,1]]}]})"
             "\n");
  CHECK(mean_cosine(folder.path(), {"a", "b"}) == Measure(-0.25));
}
