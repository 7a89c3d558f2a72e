// The study file, its cells, the choice among trials, and the tables, on numbers made by hand.
#include "train/study/study.h"

#include <cmath>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_folder/run_folder.h"
#include "train/study/tables.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

const char* const run_text = R"(name = "slim"
[[task]]
name = "seg"
kind = "segmentation"
classes = 3
weight = 2
[[task]]
name = "depth"
kind = "depth"
[warmup]
steps = 5
[policy]
steps = 10
[retrain]
steps = 20
)";

const char* const one_set = "[[set]]\nname = \"rooms\"\nrun = \"slim.toml\"\n";
const char* const two_methods = "[[method]]\nname = \"single\"\n[[method]]\nname = \"hard\"\n";

std::string complaint(const std::string& text) {
  return message_of<ConfigError>([&] { parse_study_text(text, "s.toml"); });
}

/// A study of the run file above in a folder of its own.
Study study_in(const TempFolder& folder, const std::string& text) {
  std::ofstream(folder.file("slim.toml")) << run_text;
  Study study = parse_study_text(text, "s.toml");
  study.out = folder.file("out");
  for (StudySet& set : study.sets) set.run = folder.file(set.run);
  return study;
}

RunSummary summary_of(Sharing sharing, int64_t seed, double miou, double loss) {
  RunSummary s;
  s.name = std::string("slim-") + name_of(sharing);
  s.sharing = sharing;
  s.device = DeviceKind::cpu;
  s.seed = seed;
  s.tasks = {"seg"};
  s.trunk_parameters = sharing == Sharing::single ? 2000000 : 1000000;
  s.trunk_parameters_of_one = sharing == Sharing::single ? 2 : 1;
  s.head_parameters = 500000;
  s.trunk_gflop = 0.25;
  s.heads_gflop = 0.125;
  s.seconds = {{"retrain", 10.0 + static_cast<double>(seed)}};
  s.peak_bytes = 3 << 20;
  s.steps = 20;
  s.best_step = sharing == Sharing::single ? 20 : 16;
  s.results = {{"seg", loss, {{"miou", miou, true}, {"pixel_acc", miou + 10, true}}}};
  return s;
}

}  // namespace

TEST_CASE("study file: what it says and what follows from it", "[study]") {
  const Study study = parse_study_text(std::string("seeds = [4, 5]\nthreads = 2\n") + one_set +
                                           "settings = [\"data.batch=2\"]\n" + two_methods +
                                           "sharing = \"adashare\"\n",
                                       "studies/my_study.toml");
  CHECK(study.name == "my_study");
  CHECK(study.out == "runs/out/my_study");
  CHECK(study.seeds == std::vector<int64_t>{4, 5});
  CHECK(study.parallel == 0);
  CHECK(study.sets[0].settings == Words{"data.batch=2"});
  CHECK(study.methods[0].sharing == Sharing::single);
  CHECK(study.methods[1].sharing == Sharing::adashare);
  CHECK(study.trials() == 0);
}

TEST_CASE("study file: complaints name file, line and the nearest key", "[study]") {
  const std::string whole = std::string(one_set) + two_methods;
  CHECK(complaint("seed = [1]\n" + whole) == "s.toml:1: unknown key 'seed'; did you mean 'seeds'?");
  CHECK(complaint(whole + "trails = []\n") ==
        "s.toml:8: unknown key 'method.hard.trails'; did you mean 'method.hard.trials'?");
  CHECK(complaint("seeds = [1, 2, 1]\n" + whole) == "s.toml:1: 'seeds' has 1 twice");
  CHECK(complaint("seeds = [1.5]\n" + whole) ==
        "s.toml:1: 'seeds' expects integers, got a number with a decimal point");
  CHECK(complaint("trial_seeds = 4\n" + whole) ==
        "s.toml:1: 'trial_seeds' is 4; it is 1 to 3, the number of seeds");
  CHECK(complaint("device = \"gpu\"\n" + whole) ==
        "s.toml:1: 'device' is \"gpu\"; it is one of cpu, cuda; did you mean \"cpu\"?");
  CHECK(complaint(one_set) == "s.toml: 'method' is missing; a study has at least one [[method]]");
  CHECK(complaint(two_methods) == "s.toml: 'set' is missing; a study has at least one [[set]]");
  CHECK(complaint(whole + "[[method]]\nname = \"hard\"\n") ==
        "s.toml:8: 'method.hard' is there twice; give each its name");
  CHECK(complaint(whole + "[[method]]\nname = \"a/b\"\n") ==
        "s.toml:8: 'method.a/b' has the name \"a/b\"; it names a folder: letters, digits, '-', '_' "
        "and '.', which does not come first");
  CHECK(complaint(whole + "trials = [\"a=1\"]\n") ==
        "s.toml:8: 'method.hard.trials' expects an array of arrays of strings, got a string");
  CHECK_THAT(
      complaint(std::string(one_set) + "[[method]]\nname = \"wide\"\n"),
      contains_text("s.toml:4: 'method.wide.sharing' is the method's name, \"wide\"; it is one "
                    "of single, hard, "));
  CHECK(message_of<ConfigError>([] { parse_study_file("gone.toml"); }) ==
        "cannot read study file 'gone.toml': No such file or directory");
}

TEST_CASE("study file: every method gets as many trials", "[study]") {
  const std::string text = std::string(one_set) + R"([[method]]
name = "single"
trials = [["retrain.optimizer.lr=1e-3"], ["retrain.optimizer.lr=1e-2"]]
[[method]]
name = "hard"
)";
  CHECK(complaint(text) ==
        "s.toml:7: 'method.hard.trials' has 0 settings to try, and method 'single' 2; every method "
        "gets as many");
  CHECK(complaint(text + "trials = [[], [\"retrain.steps=3\"]]\n").empty());
}

TEST_CASE("cells: every set, method and seed, with what each changes", "[study]") {
  TempFolder folder;
  Study study = study_in(folder, std::string("seeds = [7, 8]\n") + one_set +
                                     "settings = [\"data.batch=3\"]\n" + two_methods +
                                     "settings = [\"retrain.steps=9\"]\n");
  const auto cells = study_cells(study);
  REQUIRE(cells.size() == 4);
  CHECK(cell_name(study, cells[0]) == "rooms/single/seed-7");
  CHECK(cell_name(study, cells[3]) == "rooms/hard/seed-8");
  CHECK(cells[3].folder == study.out + "/rooms/hard/seed-8");
  CHECK(cells[3].run.sharing == Sharing::hard);
  CHECK(cells[3].run.seed == 8);
  CHECK(cells[3].run.data.batch == 3);
  CHECK(planned_steps(cells[0].run) == 20);
  CHECK(planned_steps(cells[3].run) == 9);
  CHECK_FALSE(cells[0].finished());
  CHECK_FALSE(cells[0].resumable());

  study.methods[1].sharing = Sharing::adashare;
  CHECK(planned_steps(study_cells(study)[3].run) == 5 + 10 + 9);
  study.methods[1].settings = {"retrain.step=9"};
  CHECK(message_of<ConfigError>([&] { study_cells(study); }) ==
        "s.toml: method 'hard' on set 'rooms': command line: unknown key 'retrain.step'; did you "
        "mean 'retrain.steps'?");
}

TEST_CASE("tables: of a study on a GPU in TF32 or f32_fma they are made where there is none",
          "[study]") {
  for (const char* precision : {"tf32", "f32_fma"}) {
    TempFolder folder;
    Study study = study_in(folder, std::string("seeds = [1]\n") + one_set + two_methods);
    std::ofstream(folder.file("slim.toml")) << "precision = \"" << precision << "\"\n" << run_text;
    CHECK_THAT(message_of<ConfigError>([&] { study_cells(study); }),
               contains_text("which needs device = \"cuda\""));
    study.device = DeviceKind::cuda;  // as --device says, or the study file
    const auto cells = study_cells(study);
    for (const StudyCell& cell : cells) {
      RunFolder::create(cell.folder, print_run_file(cell.run));
      std::ofstream(cell.asked()) << print_run_file(cell.run);
      write_summary(cell.folder, summary_of(cell.run.sharing, 1, 40, 0.5));
    }
    const auto results = study_results(study, study_cells(study));
    CHECK(results[0].rows[1].runs.size() == 1);
    CHECK_THAT(study_markdown(study, results), contains_text("| hard |"));
    CHECK(set_run_file(study, 0).device == DeviceKind::cuda);
  }
}

TEST_CASE("cells: a folder that holds a run of other settings is refused", "[study]") {
  TempFolder folder;
  Study study = study_in(folder, std::string(one_set) + two_methods);
  const auto cells = study_cells(study);
  // The run's own run.toml also holds what the data filled in, and does not count.
  RunFolder::create(cells[0].folder, "model.in_channels = 74\n");
  write_summary(cells[0].folder, summary_of(Sharing::single, 1, 1, 1));
  CHECK(message_of<ConfigError>([&] { study_cells(study); }) ==
        cells[0].folder +
            ": was not made by a study; remove the folder, or give the study another 'out'");
  std::ofstream(cells[0].asked()) << print_run_file(cells[0].run);
  CHECK(study_cells(study).size() == 6);
  study.sets[0].settings = {"data.batch=5"};
  CHECK(message_of<ConfigError>([&] { study_cells(study); }) ==
        cells[0].folder +
            ": was run with other settings ('batch = 16' there, 'batch = 5' in the study); remove "
            "the folder, or give the study another 'out'");
}

TEST_CASE("trials: the least validation score at the tested step wins, whatever a trial's weights",
          "[study]") {
  TempFolder folder;
  const Study study = study_in(folder, std::string("seeds = [1, 2]\n") + one_set + R"([[method]]
name = "hard"
trials = [["task.seg.weight=100"], ["task.seg.weight=0.01"]]
)");
  const auto cells = study_cells(study);
  REQUIRE(cells.size() == 4);  // both trials with seed 1 first
  CHECK(cell_name(study, cells[0]) == "rooms/hard/trial-1/seed-1");
  CHECK(cell_name(study, cells[1]) == "rooms/hard/trial-2/seed-1");
  CHECK(cell_name(study, cells[2]) == "rooms/hard/trial-1/seed-2");
  const RunFile set_run = parse_run_file(study.sets[0].run);
  const auto losses = [&] { return trial_losses(study, cells, 0, 0, set_run); };
  const auto finish = [&](const StudyCell& cell, int64_t best, double seg, double depth) {
    RunFolder run = RunFolder::create(cell.folder, print_run_file(cell.run));
    for (int64_t step : {int64_t{4}, int64_t{8}}) {
      const double off = step == best ? 0 : 50;
      run.write(MetricsLine{Phase::retrain, step, 0, "val", "seg", seg + off, {}, 0});
      run.write(MetricsLine{Phase::retrain, step, 0, "val", "depth", depth + off, {}, 0});
      run.write(MetricsLine{Phase::retrain, step, 0, "train", "depth", -1000, {}, 0});
    }
    run.write(MetricsLine{Phase::infer, 8, 0, "test", "seg", -1000, {}, 0});
    RunSummary s = summary_of(Sharing::hard, cell.seed, 1, 1);
    s.best_step = best;
    write_summary(cell.folder, s);
  };
  CHECK_FALSE(best_trial(losses()));
  finish(cells[0], 4, 1.0, 0.5);
  CHECK(losses()[0][0] == 1.0 + 0.5);
  CHECK_FALSE(losses()[1][0]);
  CHECK_FALSE(best_trial(losses()));
  finish(cells[1], 8, 0.5, 0.75);
  CHECK(losses()[1][0] == 0.5 + 0.75);
  CHECK(best_trial(losses()) == 1u);
  const auto row = study_results(study, cells)[0].rows[0];
  CHECK(row.trial == 1u);
  REQUIRE(row.runs.size() == 1);  // the chosen trial's, not the other's
  CHECK(row.trial_losses[0] == 1.5);

  const double nan = std::nan("");
  CHECK(best_trial({{nan}, {3.0}, {3.0}}) == 1u);
  CHECK(best_trial({{1.0, 5.0}, {2.0, 3.0}}) == 1u);  // the mean over seeds
  CHECK_FALSE(best_trial({}));
}

TEST_CASE("trials: losses count over the constant's, each task at its own tested step", "[study]") {
  TempFolder folder;
  const Study study = study_in(folder, std::string(one_set) + two_methods);
  const auto cells = study_cells(study);
  CHECK(cells[0].run.eval.best == Best::per_task);  // single
  CHECK(cells[1].run.eval.best == Best::sum);
  RunFolder run = RunFolder::create(cells[0].folder, print_run_file(cells[0].run));
  for (int64_t step : {4, 8}) {
    const double loss = static_cast<double>(step);
    run.write(
        MetricsLine{Phase::retrain, step, 0, "val", "seg", loss, {{constant_loss, 16, false}}, 0});
    run.write(MetricsLine{
        Phase::retrain, step, 0, "val", "depth", 1000 * loss, {{constant_loss, 2000, false}}, 0});
  }
  RunSummary s = summary_of(Sharing::single, 1, 1, 1);
  s.tasks = {"seg", "depth"};
  s.best_step = 8;
  s.best_steps = {8, 4};
  write_summary(cells[0].folder, s);
  CHECK(validation_score(cells[0], parse_run_file(study.sets[0].run)) == 0.5 + 2);
  CHECK(read_summary(cells[0].folder).best_steps == s.best_steps);
}

TEST_CASE("tables: AUROC leads where tasks are binary, r2 stands beside errors", "[study]") {
  const Study study =
      parse_study_text(std::string("seeds = [1]\n") + one_set + two_methods, "s.toml");
  StudyRow row{"hard", Sharing::hard};
  row.runs = {summary_of(Sharing::hard, 1, 40, 0.5)};
  RunSummary& run = row.runs[0];
  const auto table_of = [&](int tasks, const std::vector<Metric>& metrics) {
    run.tasks.clear();
    run.results.clear();
    for (int k = 0; k < tasks; ++k) {
      run.tasks.push_back(fmt::format("t{}", k));
      run.results.push_back({run.tasks.back(), 1.0 + k, metrics, 0, "", 5});
    }
    return study_markdown(study, {StudyResult{"rooms", {row}}});
  };
  const std::vector<Metric> binary{{"accuracy", 90, true}, {"auroc", 0.5, true}};
  const std::vector<Metric> regression{{"mae", 2, false}, {"rmse", 3, false}, {"r2", 0.25, true}};
  CHECK_THAT(table_of(9, binary),
             contains_text("| method | mean_auroc ↑ | mean_accuracy ↑ | mean_loss ↓ |"));
  CHECK_THAT(table_of(1, binary), contains_text("| t0 auroc ↑ | t0 accuracy ↑ | t0 loss ↓ |"));
  CHECK_THAT(table_of(9, regression), contains_text("| mean_mae ↓ | mean_r2 ↑ | mean_loss ↓ |"));
  CHECK_THAT(table_of(1, regression), contains_text("| hard | 2.00 | 0.2500 | 1.00 | - |"));
  // Losses of 5 and more are no better than the constant's.
  CHECK_THAT(table_of(6, binary), contains_text("| 5.00† |") && contains_text("| 6.00† |"));
  CHECK_THAT(table_of(6, binary),
             contains_text("† No better than the best constant prediction: hard on t4, t5."));
  CHECK(table_of(4, binary).find("†") == std::string::npos);
  // A run without a test split.
  CHECK_THAT(table_of(0, {}), contains_text("| hard | - |"));
  CHECK_FALSE(study_latex(study, {StudyResult{"rooms", {row}}}).empty());
}

TEST_CASE("trials: without validation data there is nothing to choose by", "[study]") {
  TempFolder folder;
  const Study study = study_in(folder, std::string(one_set) + two_methods);
  const auto cells = study_cells(study);
  RunFolder::create(cells[0].folder, print_run_file(cells[0].run));
  RunSummary s = summary_of(Sharing::single, 1, 1, 1);
  s.best_step = -1;
  write_summary(cells[0].folder, s);
  CHECK(message_of<DataError>([&] { validation_score(cells[0], cells[0].run); }) ==
        cells[0].folder + ": no validation data, so trials cannot be compared");
}

TEST_CASE("spreads: a value that is no number spoils mean and table", "[study][nan]") {
  for (const double bad : {std::nan(""), -std::nan(""), HUGE_VAL}) {
    const Spread s = spread_of({1, 2, bad});
    CHECK(s.n == 3);
    CHECK_FALSE((s.mean && std::isfinite(*s.mean)));
    CHECK(spread_text(s) == (std::isnan(*s.mean) ? "nan" : "inf"));
  }
}

TEST_CASE("spreads: sample standard deviation, absent values left out", "[study]") {
  const Spread s = spread_of({1, 2, std::nullopt, 6});
  CHECK(s.n == 3);
  CHECK(s.mean == 3.0);
  CHECK(std::abs(s.deviation - std::sqrt(7)) < 1e-12);
  CHECK(spread_text(s) == "3.00 ± 2.65");
  CHECK(spread_text(spread_of({0.5})) == "0.5000");
  CHECK(spread_text(spread_of({4, 4, 4})) == "4.00");
  CHECK(spread_of({5.12e-6, 5.12e-6, 5.12e-6}).deviation == 0);  // their sum / 3 is not 5.12e-6
  CHECK(spread_text(spread_of({})) == "-");
}

TEST_CASE("tables: many tasks are shown by their means", "[study]") {
  const Study study =
      parse_study_text(std::string("seeds = [1]\n") + one_set + two_methods, "s.toml");
  StudyRow row{"single", Sharing::single};
  row.runs = {summary_of(Sharing::single, 1, 40, 0.5)};
  RunSummary& run = row.runs[0];
  run.tasks.clear();
  run.results.clear();
  for (int k = 0; k < 9; ++k) {
    run.tasks.push_back(fmt::format("t{}", k));
    run.results.push_back({run.tasks.back(), 1.0 + k, {{"mae", 0.1 * k, false}}});
  }
  run.trunk_gflop = 0.000123;
  const StudyResult result{"rooms", {row}};
  const std::string text = study_markdown(study, {result});
  CHECK(text.find("| method | mean_mae ↓ | mean_loss ↓ | Δ_T % ↑ |") != text.npos);
  CHECK(text.find("| single | 0.4000 | 5.00 | reference |") != text.npos);
  CHECK(text.find("| 0.000123 |") != text.npos);
  CHECK(study_csv({result}).find("\nrooms,single,,t8,mae,1,0.8,0\n") != std::string::npos);
}

TEST_CASE("tables: Markdown and CSV of a study, to the letter", "[study]") {
  Study study = parse_study_text(std::string("seeds = [1, 2]\n") + one_set + two_methods, "s.toml");
  StudyResult result{"rooms", {}};
  StudyRow single{"single", Sharing::single}, hard{"hard", Sharing::hard};
  single.steps = 20;
  hard.steps = 25;
  single.runs = {summary_of(Sharing::single, 1, 40, 0.5), summary_of(Sharing::single, 2, 50, 0.7)};
  hard.runs = {summary_of(Sharing::hard, 2, 55, 0.4)};  // its first seed is missing
  hard.runs[0].heads_gflop = 5.12e-6;
  result.rows = {single, hard};
  CHECK(study_markdown(study, {result}) ==
        R"(# s

Seeds 1, 2: mean ± standard deviation. Test split, with the weights of the step whose validation score was least (of single-task networks each at its own). The score: the sum of losses, each over that of the best constant prediction. Bold: the best mean. Δ_T: against the single-task method with the same seed, in percent.

## rooms

| method | seg miou ↑ | seg loss ↓ | Δ_T % ↑ |
|---|--:|--:|--:|
| single | 45.00 ± 7.07 | 0.6000 ± 0.1414 | reference |
| hard | **55.00** | **0.4000** | +9.17 |

| method | seeds | × one trunk | trunk M | heads M | trunk GFLOP | heads GFLOP | steps | tested at | train s | peak MiB |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
| single | 2 | 2.00 | 2.000 | 0.500 | 0.250 | 0.125 | 20 | 20 | 11.5 ± 0.7 | 3.0 |
| hard | 1 of 2 | 1.00 | 1.000 | 0.500 | 0.250 | 5.12e-06 | 20 | 16 | 12.0 | 3.0 |

Steps differ, all stages counted: single 20, hard 25.
Validation score was still least at the last step: single (2 of 2 seeds).
)");
  StudyResult nothing = result;
  for (StudyRow& row : nothing.rows) row.runs.clear();
  const std::string empty = study_markdown(study, {nothing});
  CHECK(empty.find("| hard | 0 of 2 | - |") != empty.npos);
  CHECK(empty.find("Validation score was") == empty.npos);
  const std::string csv = study_csv({result});
  CHECK(csv.rfind("set,method,trial,task,quantity,seeds,mean,deviation\n"
                  "rooms,single,,seg,loss,2,0.6,",
                  0) == 0);
  CHECK(csv.find("\nrooms,hard,,seg,pixel_acc,1,65,0\n") != csv.npos);
  CHECK(csv.find("\nrooms,single,,,delta_t_percent,2,0,0\n") != csv.npos);
  // (55 - 50) / 50 and (65 - 60) / 60, against the run with the same seed.
  CHECK(study_cells_csv({result}).find("\nrooms,hard,,2,,delta_t_percent,9.1666666666") !=
        csv.npos);
  CHECK(
      study_latex(study, {result}).find("hard & \\textbf{55.00} & \\textbf{0.4000} & +9.17 \\\\") !=
      csv.npos);
}
