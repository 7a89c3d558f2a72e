// Every run file that weft ships, in runs/, and every study, in runs/studies/, reads without
// complaint and keeps its name; in a study all methods' networks, as they are tested, trained for
// as many steps, with or without the stages that chose them.
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "train/run_file/run_file.h"
#include "train/study/study.h"

using namespace weft;

TEST_CASE("every shipped run file is sound", "[run_file]") {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/runs")) {
    if (entry.path().extension() != ".toml") continue;
    const RunFile run = parse_run_file(entry.path().string());
    CHECK(run.name == entry.path().stem().string());
    ++count;
  }
  CHECK(count >= 9);
}

TEST_CASE("every shipped study is sound, and fair in its steps", "[study]") {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/runs/studies")) {
    Study study = parse_study_file(entry.path().string());
    INFO(study.name);
    CHECK(study.name == entry.path().stem().string());
    CHECK(study.seeds.size() == 3);
    for (StudySet& set : study.sets) set.run = source_dir() + "/" + set.run;
    study.out = "nowhere";
    const auto cells = study_cells(study);
    const int64_t steps = planned_steps(cells[0].run);
    for (const StudyCell& cell : cells) {
      INFO(cell_name(study, cell));
      CHECK((planned_steps(cell.run) == steps || cell.run.retrain.steps == steps));
    }
    ++count;
  }
  CHECK(count >= 5);
}
