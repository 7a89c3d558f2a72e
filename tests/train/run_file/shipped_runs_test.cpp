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

TEST_CASE("silicon's run files are alike in network, geometry and training", "[run_file]") {
  const auto read = [](const std::string& name) {
    return parse_run_file(source_dir() + "/runs/silicon_" + name + ".toml");
  };
  const auto column = [](const RunFile& run, const std::string& name) {
    for (const ColumnSpec& c : run.data.column_specs)
      if (c.name == name)
        return fmt::format("{} {} {} {}", words_of(c.transform)[static_cast<size_t>(c.transform)],
                           c.scale, c.by_task, c.standardize);
    return std::string("none");
  };
  const RunFile sky130 = read("sky130"), ihp = read("ihp"), added = read("added");
  for (const RunFile* other : {&ihp, &added}) {
    INFO(other->name);
    CHECK(other->model.hidden == sky130.model.hidden);
    CHECK(other->model.blocks == sky130.model.blocks);
    CHECK(other->model.activation == sky130.model.activation);
    CHECK(other->model.norm == sky130.model.norm);
    for (const std::string name : {"W_um", "L_um"})
      CHECK(column(*other, name) == column(sky130, name));
    for (const TaskSpec& task : other->tasks) {
      CHECK(task.target == sky130.tasks[0].target);
      CHECK(task.strong == sky130.tasks[0].strong);
      CHECK(task.slopes == sky130.tasks[0].slopes);
    }
  }
  // The trunk that a device is added to has to see what it saw before.
  for (const ColumnSpec& c : sky130.data.column_specs) {
    CHECK(!c.standardize);
    CHECK(column(added, c.name) == column(sky130, c.name));
  }
  CHECK(ihp.retrain.steps == sky130.retrain.steps);
  CHECK(column(sky130, "W_um") == "reciprocal 0.25 false false");
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
      // Trials of one method alone may be about its steps.
      if (study.methods.size() > 1)
        CHECK((planned_steps(cell.run) == steps || cell.run.retrain.steps == steps));
    }
    ++count;
  }
  CHECK(count >= 5);
}
