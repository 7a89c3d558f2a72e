// Transfer curves: of tasks that sets cut to fewer groups, with the numbers of the cells' summaries;
// no picture of a task that is cut to one number alone.
#include "train/study/transfer.h"

#include "tests/support/catch.h"

using namespace weft;

TEST_CASE("transfer curves show a task's error over its number of groups", "[study][pictures]") {
  Study study;
  study.methods = {{"single", Sharing::single, {}, {}}, {"hard", Sharing::hard, {}, {}}};
  study.sets = {{"all", "a.toml", {}},
                {"n-2", "a.toml", {}},
                {"n-4", "a.toml", {}},
                {"p-2", "a.toml", {}},
                {"other", "b.toml", {}}};
  std::vector<StudyCell> cells;
  std::vector<StudyResult> results;
  for (size_t set = 0; set < study.sets.size(); ++set) {
    StudyResult result{study.sets[set].name, {}};
    for (size_t m = 0; m < 2; ++m) {
      StudyCell cell;
      cell.set = set;
      cell.method = m;
      cell.run.tasks.resize(2);
      cell.run.tasks[0].name = "n";
      cell.run.tasks[1].name = "p";
      if (set == 1 || set == 2)
        cell.run.tasks[0].train_groups = std::vector<std::string>(set == 1 ? 2 : 4, "1x1");
      if (set == 3) cell.run.tasks[1].train_groups = {"1x1", "2x2"};
      cells.push_back(cell);
      StudyRow row;
      row.method = study.methods[m].name;
      RunSummary& run = row.runs.emplace_back();
      run.seed = 1;
      // 0.1, 0.375 and 0.25 for single, 0.02 less for hard.
      const double error = (set == 1   ? 0.375
                            : set == 2 ? 0.25
                                       : 0.1) -
                           0.02 * static_cast<double>(m);
      run.results = {{"n", 1, {{"target_rmse", error, false}}},
                     {"p", 1, {{"target_rmse", 7, false}}}};
      result.rows.push_back(row);
    }
    results.push_back(result);
  }
  const auto pictures = transfer_curves(study, cells, results);
  REQUIRE(pictures.size() == 1);  // p is cut to one number of groups alone
  CHECK(pictures[0].first == "transfer-n");
  const std::string& svg = pictures[0].second;
  for (const char* text : {"n: target_rmse", "groups that it trains on", "single, all groups",
                           "0.375", "0.355", "0.25", "0.23"})
    CHECK_THAT(svg, contains_text(text));
  // Without results there is nothing to draw.
  for (StudyResult& result : results)
    for (StudyRow& row : result.rows) row.runs.clear();
  CHECK(transfer_curves(study, cells, results).empty());
}
