// export_run: what the notes beside a network say of its outputs.
#include "train/export/export_run.h"

#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "train/step/build.h"

using namespace weft;

TEST_CASE("export: notes call classes as predict does, words of the label's map among them",
          "[export]") {
  RunFile run = test::rooms_run({"sharing=hard"});
  run.tasks[0].words = {{"wall", 2}, {"sofa", 11}};
  CpuContext cpu(1);
  const auto model = make_model(&cpu, run);
  LearnedFromData learned;
  learned.height = learned.width = 33;
  const auto note = [&] {
    for (const std::string& line : export_run(&cpu, *model, run, nullptr, learned, {}).notes)
      if (line.rfind("output seg:", 0) == 0) return line;
    return std::string();
  };
  CHECK_THAT(note(), contains_text("which class it is: 2 wall, 11 sofa"));
  learned.tasks = {{"seg", {"void", "bed"}}, {"depth", {}}};
  CHECK_THAT(note(), contains_text("which class it is: 0 void, 1 bed, 2 wall, 11 sofa"));
  run.tasks[0].kind = TaskKind::binary;
  learned.tasks = {};
  run.tasks[0].words = {{"no", 0}, {"yes", 1}};
  CHECK_THAT(note(), contains_text("above 0 it is yes, else no; the chance"));
  run.tasks[0].words = {};
  CHECK_THAT(note(), contains_text("above 0 it is 1, else 0; the chance"));
}
