// A study's tables show the cosine between tasks' gradients where its runs were watched.
#include "tests/support/catch.h"
#include "train/study/tables.h"

using namespace weft;

TEST_CASE("tables: the cosine between tasks' gradients stands where runs were watched", "[study]") {
  Study study;
  study.name = "rooms";
  study.methods = {{"hard", Sharing::hard, {}, {}}, {"single", Sharing::single, {}, {}}};
  const auto row_of = [](Sharing sharing, int runs) {
    StudyRow row;
    row.method = name_of(sharing);
    row.sharing = sharing;
    for (int i = 0; i < runs; ++i) {
      RunSummary& run = row.runs.emplace_back();
      run.sharing = sharing;
      run.seed = i + 1;
      run.tasks = {"seg"};
      run.peak_bytes = 3 << 20;
      run.results = {{"seg", 0.5, {{"miou", 40, true}}}};
    }
    return row;
  };
  StudyRow hard = row_of(Sharing::hard, 2);
  const StudyRow single = row_of(Sharing::single, 1);
  const auto text = [&] { return study_markdown(study, {StudyResult{"rooms", {hard, single}}}); };
  CHECK(text().find("cosine") == std::string::npos);
  hard.runs[0].cosine = -0.25;
  hard.runs[1].cosine = -0.25;
  CHECK_THAT(text(), contains_text("| peak MiB | cosine |") && contains_text("| 3.0 | -0.250 |") &&
                         contains_text("| 3.0 | - |"));
  CHECK_THAT(study_csv({StudyResult{"rooms", {hard}}}), contains_text("mean_cosine,2,-0.25,0"));
}
