// What a study keeps of itself in its folder, so that a page can be made of the folder alone.
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/study/study.h"

using namespace weft;
using weft::test::TempFolder;

TEST_CASE("study folder: it keeps what it is a study of, and can be moved", "[study][report]") {
  const TempFolder folder;
  const std::string run = "[[task]]\nname = \"seg\"\nkind = \"segmentation\"\nclasses = 3\n";
  std::ofstream(folder.file("slim.toml")) << run;
  Study study = parse_study_text(R"(seeds = [3, 4]
trial_seeds = 2
device = "cpu"
[[set]]
name = "rooms"
run = "slim.toml"
settings = ["data.batch=2"]
[[method]]
name = "wide"
sharing = "hard"
trials = [["model.width=2"], ["data.batch=4"]]
)",
                                 "named.toml");
  study.out = folder.file("out");
  study.sets[0].run = folder.file("slim.toml");
  const auto cells = study_cells(study);
  CHECK_FALSE(keeps_study(study.out));
  keep_study(study);
  CHECK(keeps_study(study.out));
  std::filesystem::rename(study.out, folder.file("moved"));
  std::filesystem::remove(folder.file("slim.toml"));

  const Study kept = kept_study(folder.file("moved"));
  CHECK(kept.name == "named");
  CHECK(kept.out == folder.file("moved"));
  Study here = kept, there = study;
  for (Study* s : {&here, &there}) s->out = s->sets[0].run = "";
  CHECK(print_study(here) == print_study(there));
  const auto same = study_cells(kept);
  REQUIRE(same.size() == cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    CHECK(print_run_file(same[i].run) == print_run_file(cells[i].run));
    CHECK(same[i].folder == folder.file("moved") + cells[i].folder.substr(study.out.size()));
  }
}
