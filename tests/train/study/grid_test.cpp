// The grid: rows and trials out of lists of values, what they are called, and what is refused.
#include "train/study/grid.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

const char* const whole = R"(seeds = [1, 2]
[[set]]
name = "rooms"
run = "slim.toml"
[[method]]
name = "hard"
settings = ["data.batch=2"]
[[method]]
name = "adashare"
)";

Study with_grid(const std::string& grid, const std::string& top = "") {
  return parse_study_text(top + whole + grid, "s.toml");
}
std::string complaint(const std::string& grid) {
  return message_of<ConfigError>([&] { with_grid(grid); });
}

const char* const run_text = R"(name = "slim"
sharing = "adashare"
seed = 5
[[task]]
name = "depth"
kind = "depth"
)";

}  // namespace

TEST_CASE("grid: every combination of the lists is a row of each method", "[study][grid]") {
  const Study study = with_grid(
      "[grid]\nmodel.width = [0.5, 1]\n\"task.depth.weight\" = [2]\nmodel.head = [\"linear\"]\n");
  REQUIRE(study.methods.size() == 4);
  CHECK(study.methods[0].name == "hard_width-0.5_weight-2_head-linear");
  CHECK(study.methods[1].name == "hard_width-1_weight-2_head-linear");
  CHECK(study.methods[3].name == "adashare_width-1_weight-2_head-linear");
  CHECK(study.methods[0].settings ==
        Words{"data.batch=2", "model.width=0.5", "task.depth.weight=2", "model.head=\"linear\""});
  CHECK(study.methods[3].sharing == Sharing::adashare);
  CHECK(study.trials() == 0);
  // What a study's folder keeps has the rows, and no grid.
  const Study again = parse_study_text(print_study(study), "study.toml");
  REQUIRE(again.methods.size() == 4);
  CHECK(again.methods[2].name == study.methods[2].name);
  CHECK(again.methods[2].settings == study.methods[2].settings);
  CHECK(again.methods[2].sharing == Sharing::adashare);
}

TEST_CASE("grid: it makes trials where it is told to, crossed with those that are there",
          "[study][grid]") {
  const std::string grid = "[grid]\nwarmup.optimizer.lr = [1e-3, 3e-3]\nmodel.width = [0.5]\n";
  const Study study = with_grid(grid, "grid_as = \"trials\"\n");
  REQUIRE(study.methods.size() == 2);
  CHECK(study.methods[1].name == "adashare");
  CHECK(study.methods[0].settings == Words{"data.batch=2"});
  REQUIRE(study.trials() == 2);
  CHECK(study.methods[1].trials[1] == Words{"warmup.optimizer.lr=0.003", "model.width=0.5"});
  const Study crossed = parse_study_text(R"(grid_as = "trials"
[[set]]
name = "rooms"
run = "slim.toml"
[[method]]
name = "hard"
trials = [[], ["data.batch=3"]]
[grid]
model.width = [0.5, 1]
)",
                                         "s.toml");
  CHECK(crossed.methods[0].trials == std::vector<Words>{{"model.width=0.5"},
                                                        {"data.batch=3", "model.width=0.5"},
                                                        {"model.width=1"},
                                                        {"data.batch=3", "model.width=1"}});
}

TEST_CASE("grid: rows are told apart by as many of a key's last words as it takes",
          "[study][grid]") {
  const Study study = with_grid(
      "[grid]\nwarmup.optimizer.lr = [0.1]\npolicy.optimizer.lr = [0.2]\ndata.size = [[32, 64]]\n"
      "model.init = [\"a b/c.safetensors\"]\n");
  CHECK(study.methods[0].name ==
        "hard_warmup.optimizer.lr-0.1_policy.optimizer.lr-0.2_size-32-64_init-a-b-c.safetensors");
}

TEST_CASE("grid: what makes no sense is refused with its place", "[study][grid]") {
  CHECK(complaint("[grid]\nmodel.width = 0.5\n") ==
        "s.toml:11: 'grid.model.width' expects a list of values, [a, b], got a number with a "
        "decimal point");
  CHECK(complaint("[grid]\nmodel.width = []\n") ==
        "s.toml:11: 'grid.model.width' expects a list of values, [a, b], got an empty one");
  CHECK(complaint("[grid]\nmodel.width = [{a = 1}]\n") ==
        "s.toml:11: 'grid.model.width' expects a list of values, [a, b], got one with a table");
  CHECK(complaint("[grid]\nmodel.width = [1, 0.5, 1]\n") == "s.toml:11: 'model.width' has 1 twice");
  CHECK(complaint("[grid]\nseed = [1, 2]\n") ==
        "s.toml:11: 'seed' is no key of a grid: the study's seeds say it");
  CHECK_THAT(complaint("[grid]\nsharing = [\"hard\"]\n"),
             contains_text("is a [[method]] of a study file"));
  CHECK_THAT(complaint("[grid]\nmodel.init = [\"a b\", \"a/b\"]\n"),
             contains_text("s.toml:11: the grid makes two rows 'hard_init-a-b'"));
  CHECK_THAT(complaint(fmt::format("[grid]\nmodel.init = [\"{}\"]\n", std::string(200, 'x'))),
             contains_text("s.toml:11: the grid makes a row of a name of 210 letters"));
  std::string many;
  for (int i = 0; i < 32; ++i) many += fmt::format("{}{}", i > 0 ? ", " : "", i + 1);
  CHECK(complaint(fmt::format("[grid]\nmodel.blocks = [{0}]\nmodel.hidden = [{0}]\n", many)) ==
        "s.toml:11: the grid (32 of model.blocks, 32 of model.hidden) makes 4096 runs of 2 "
        "method(s), 1 set(s) and 2 seed(s); 2000 are the most");
  CHECK_THAT(message_of<ConfigError>(
                 [] { parse_study_text(std::string("grid = 3\n") + whole, "s.toml"); }),
             contains_text("s.toml:1: 'grid' expects a table, [grid], got an integer"));
}

TEST_CASE("grid: nobody but the grid sets what names its rows", "[study][grid]") {
  CHECK(complaint("[grid]\nmodel.hidden = [1, 2]\n\"model.hidden\" = [3]\n") ==
        "s.toml:12: 'model.hidden' sets what 'model.hidden' does (s.toml:11); one list of them has "
        "all values");
  CHECK_THAT(complaint("[grid]\ntask.depth.weight = [1, 2]\n\"task.*.weight\" = [3]\n"),
             contains_text("s.toml:12: 'task.*.weight' sets what 'task.depth.weight' does"));
  CHECK(complaint("[grid]\ndata.batch = [2, 4]\n") ==
        "s.toml:11: 'data.batch' is set by method 'hard' too (data.batch=2): rows are named by the "
        "grid's values; leave one of them out");
  CHECK_THAT(message_of<ConfigError>([] {
               parse_study_text(R"([[set]]
name = "rooms"
run = "slim.toml"
[[method]]
name = "hard"
trials = [["model={width=3}"], []]
[grid]
model.width = [0.5, 1]
)",
                                "s.toml");
             }),
             contains_text("s.toml:8: 'model.width' is set by a trial of method 'hard' too "
                           "(model={width=3})"));
  const Study study = with_grid("[grid]\nmodel.width = [0.5, 1]\n");
  check_unswept(study, {"model.head_width=8", "retrain.steps=2"});
  CHECK(message_of<ConfigError>([&] { check_unswept(study, {"model.width=2"}); }) ==
        "command line: 'model.width=2': the grid sweeps 'model.width', and rows are named by its "
        "values; change its list, or leave the setting out");
  for (const char* setting : {"sharing=soft", "seed=3"})
    CHECK_THAT(message_of<ConfigError>([&] { check_unswept(study, {setting}); }),
               contains_text("cells are named by their method and seed"));
  const TempFolder folder;
  std::ofstream(folder.file("study.toml")) << whole << "[grid]\nmodel.width = [0.5, 1]\n";
  std::ofstream(folder.file("sweep.toml")) << "model.width = [2]\n";
  CHECK_THAT(message_of<ConfigError>(
                 [&] { swept_study(folder.file("study.toml"), folder.file("sweep.toml")); }),
             contains_text("sweep.toml:1: 'model.width' sets what 'model.width' in the study's "
                           "[grid] does"));
}

TEST_CASE("grid: a sweep of a study has a folder beside the study's own", "[study][grid]") {
  const TempFolder folder;
  std::ofstream(folder.file("study.toml")) << "out = \"there/\"\n" << whole;
  std::ofstream(folder.file("sweep.toml")) << "model.width = [2]\n";
  const Study study = swept_study(folder.file("study.toml"), folder.file("sweep.toml"));
  CHECK(study.name == "study-sweep");
  CHECK(study.out == "there-sweep");
  std::ofstream(folder.file("study.toml")) << whole;
  CHECK(swept_study(folder.file("study.toml"), folder.file("sweep.toml")).out ==
        "runs/out/study-sweep");
}

TEST_CASE("grid: a large number is not called by the name of a small one", "[study][grid]") {
  const Study study = with_grid("[grid]\ndata.scale = [1e20, 1e-20]\n");
  CHECK(study.methods[0].name == "hard_scale-1e20");
  CHECK(study.methods[1].name == "hard_scale-1e-20");
}

TEST_CASE("grid: a key that no run file has is named before anything runs", "[study][grid]") {
  const TempFolder folder;
  std::ofstream(folder.file("slim.toml")) << run_text;
  Study study = with_grid("[grid]\nmodel.widht = [0.5]\n");
  study.sets[0].run = folder.file("slim.toml");
  CHECK(message_of<ConfigError>([&] { study_cells(study); }) ==
        "s.toml: method 'hard_widht-0.5' on set 'rooms': command line: unknown key 'model.widht'; "
        "did you mean 'model.width'?");
}

TEST_CASE("grid: a file of lists sweeps a study, or a run file by itself", "[study][grid]") {
  const TempFolder folder;
  std::ofstream(folder.file("slim.toml")) << run_text;
  std::ofstream(folder.file("sweep.toml")) << "model.width = [0.5, 1]\nseed = [3, 4]\n";
  std::ofstream(folder.file("study.toml")) << whole;
  const Study study = swept_study(folder.file("slim.toml"), folder.file("sweep.toml"));
  CHECK(study.name == "slim-sweep");
  CHECK(study.out == "runs/out/slim-sweep");
  CHECK(study.seeds == std::vector<int64_t>{3, 4});
  const auto cells = study_cells(study);
  REQUIRE(cells.size() == 4);
  CHECK(cell_name(study, cells[3]) == "slim/adashare_width-1/seed-4");
  CHECK(cells[3].run.model.width == 1);
  CHECK(cells[0].run.model.width == 0.5);
  CHECK_THAT(message_of<ConfigError>(
                 [&] { swept_study(folder.file("study.toml"), folder.file("sweep.toml")); }),
             contains_text("sweep.toml:2: 'seed' is no key of a grid: the study's seeds say it"));
  std::ofstream(folder.file("sweep.toml")) << "model.width = [0.5, 1]\n";
  CHECK(swept_study(folder.file("study.toml"), folder.file("sweep.toml")).methods.size() == 4);
  CHECK(swept_study(folder.file("slim.toml"), folder.file("sweep.toml")).seeds ==
        std::vector<int64_t>{5});
  std::ofstream(folder.file("sweep.toml")) << "seed = [1.5]\n";
  CHECK_THAT(message_of<ConfigError>(
                 [&] { swept_study(folder.file("slim.toml"), folder.file("sweep.toml")); }),
             contains_text("'seed' has 1.5; a seed is a whole number, at least 0"));
  std::ofstream(folder.file("sweep.toml")) << "# nothing\n";
  CHECK_THAT(message_of<ConfigError>(
                 [&] { swept_study(folder.file("slim.toml"), folder.file("sweep.toml")); }),
             contains_text("has no list of values, such as model.width = [0.5, 1]"));
}
