// The best step: lower is better, a tie and NaN are not; single-task networks keep their own; a
// checkpoint that is not of it is noticed.
#include "train/loop/best_step.h"

#include <cmath>
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/loop/parts_run.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::message_of;
using weft::test::parts_run;
using weft::test::TempFolder;

namespace {

std::vector<TaskResult> scores(const Measure& seg, const Measure& depth) {
  return {{"seg", seg, {}, 0, "", 1.0}, {"depth", depth, {}, 0, "", 1.0}};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("best step: only a lower score takes its place", "[train]") {
  TrainState state;
  state.total_step = 5;
  CHECK_FALSE(note_best(state, std::nan("")));
  CHECK(state.best_step == -1);
  CHECK(note_best(state, 2));
  state.total_step = 6;
  CHECK_FALSE(note_best(state, 2));
  CHECK(state.best_step == 5);
  CHECK(note_best(state, 1));
  CHECK((state.best_step == 6 && state.best_score == 1));
}

TEST_CASE("best step: each task's own, and the last where it has no label", "[train]") {
  const RunFile run = parts_run();
  using Names = std::vector<std::string>;
  TrainState state;
  state.total_step = 1;
  CHECK(note_best_of_tasks(state, run, scores(2, 3)) == Names{"seg", "depth"});
  state.total_step = 2;
  CHECK(note_best_of_tasks(state, run, scores(1, 4)) == Names{"seg"});
  CHECK(state.best_score == 4);
  state.total_step = 3;
  CHECK(note_best_of_tasks(state, run, scores(1, 2.5)) == Names{"depth"});
  CHECK(state.task_best_step == std::vector<int64_t>{2, 3});
  CHECK((state.best_step == 3 && state.best_score == 3.5));
  state.total_step = 4;
  CHECK(note_best_of_tasks(state, run, scores(std::nullopt, 9)) == Names{"seg"});
}

TEST_CASE("best step: a file of another step or none is counted anew, and said", "[train]") {
  CpuContext cpu(1);
  const TempFolder folder;
  const RunFile run = parts_run({"sharing=single", "eval.best=per-task"});
  const RunFile of_sum = parts_run({"sharing=single"});
  const std::string path = folder.file("best.safetensors");
  TrainState state;
  CHECK(forget_lost_best(state, of_sum, path).empty());  // there is none to lose

  state.best_step = 7;
  state.best_score = 1;
  TrainState there = state;
  save_checkpoint(path, *make_model(&cpu, of_sum), {}, {there, "", {}});
  CHECK(message_of<DataError>([&] { require_best(state, path, "runs/x"); }) ==
        path +
            ": is of run step 0, and this run's best is of step 7: another process wrote it? "
            "go on with: weft train --resume runs/x");
  CHECK(forget_lost_best(state, of_sum, path) ==
        path +
            " is of run step 0; the best so far was of run step 7: it is counted anew from here");
  CHECK((state.best_step == -1 && std::isinf(state.best_score)));

  state.best_step = 0;
  require_best(state, path, "runs/x");
  CHECK(forget_lost_best(state, of_sum, path).empty());
  CHECK(state.best_step == 0);
  CHECK(contains(forget_lost_best(state, of_sum, folder.file("gone")), "counted anew"));

  // Per task: only the network that is of a later step is.
  state = {};
  state.best_step = 7;
  state.best_score = 0.75;
  state.task_best_step = {3, 7};
  state.task_best_score = {0.5, 0.25};
  there = state;
  there.total_step = 9;
  there.task_best_step = {3, 9};
  save_checkpoint(path, *make_model(&cpu, run), {}, {there, "", {}});
  CHECK(forget_lost_best(state, run, path).empty());
  CHECK(state.task_best_step == std::vector<int64_t>{3, -1});
  CHECK((state.best_step == 3 && state.best_score == 0.5));
}
