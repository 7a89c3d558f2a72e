// The best step: lower is better, a tie and NaN are not; single-task networks keep their own; a
// checkpoint that is not of it is noticed.
#include "train/loop/best_step.h"

#include <cmath>
#include <filesystem>
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/loop/parts_run.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
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
  const RunFile run = parts_run();
  TrainState state;
  state.total_step = 5;
  CHECK_FALSE(note_best(state, run, std::nan("")));
  CHECK(state.best_step == -1);
  CHECK(note_best(state, run, 2) == 0);
  state.total_step = 6;
  CHECK_FALSE(note_best(state, run, 2));
  CHECK(state.best_step == 5);
  CHECK(note_best(state, run, 1) == 0);
  CHECK((state.best_step == 6 && state.best_score == 1));
  CHECK(state.next_best.empty());
}

TEST_CASE("best step: eval.keep of them stay in order, a tie after those before it", "[train]") {
  const RunFile run = parts_run({"eval.keep=3"});
  TrainState state;
  using Place = std::optional<size_t>;
  const auto note = [&](int64_t step, double score) {
    state.total_step = step;
    return note_best(state, run, score);
  };
  CHECK(note(1, 5) == Place(0));
  CHECK(note(2, 7) == Place(1));
  CHECK(note(3, 5) == Place(1));
  CHECK(note(4, 6) == Place(2));
  CHECK(note(5, 6) == Place());
  CHECK(note(6, 4) == Place(0));
  CHECK((state.best_step == 6 && state.best_score == 4));
  CHECK(state.next_best == std::vector<KeptStep>{{1, 5}, {3, 5}});
  CHECK(state_from_json(to_json(state), "x") == state);
}

TEST_CASE("best step: files that later steps moved, or a kill left twice, are put in order again",
          "[train]") {
  CpuContext cpu(1);
  const TempFolder temp;
  const std::string folder = temp.file("run");
  std::filesystem::create_directories(folder + "/checkpoints");
  const RunFile run = parts_run({"sharing=single", "eval.keep=4"});
  const auto model = make_model(&cpu, run);
  const auto save = [&](const std::string& name, int64_t step) {
    TrainState there;
    there.total_step = step;
    save_checkpoint(checkpoint_path(folder, name), *model, {}, {there, "", {}});
  };
  TrainState state;
  state.best_step = 3;
  state.best_score = 1;
  state.next_best = {{5, 2}, {4, 3}, {2, 4}};
  // Of step 9 the first, before a kill while 3 had both names; 4 is gone.
  save("best", 9);
  save("best-1", 3);
  save("best-2", 3);
  save("best-3", 5);
  save("best-4", 2);
  CHECK(forget_lost_best(state, run, folder).empty());
  CHECK((state.best_step == 3 && state.best_score == 1));
  CHECK(state.next_best == std::vector<KeptStep>{{5, 2}, {2, 4}});
  put_best_in_order(folder, state);
  const std::vector<std::pair<int64_t, int64_t>> in_order{{0, 3}, {1, 5}, {2, 2}};
  CHECK(whole_checkpoints(folder, "best") == in_order);
  // The best is damaged: the next one is it.
  std::filesystem::resize_file(checkpoint_path(folder, "best"), 100);
  CHECK(contains(forget_lost_best(state, run, folder),
                 "the best so far was of run step 3: that of run step 5, the next best, takes its "
                 "place"));
  put_best_in_order(folder, state);
  CHECK((state.best_step == 5 && state.next_best == std::vector<KeptStep>{{2, 4}}));
  CHECK(whole_checkpoints(folder, "best") ==
        std::vector<std::pair<int64_t, int64_t>>{{0, 5}, {1, 2}});
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
  const TempFolder temp;
  const std::string folder = temp.file("run");
  std::filesystem::create_directories(folder + "/checkpoints");
  const RunFile run = parts_run({"sharing=single", "eval.best=per-task"});
  const RunFile of_sum = parts_run({"sharing=single"});
  const std::string path = checkpoint_path(folder, "best");
  TrainState state;
  CHECK(forget_lost_best(state, of_sum, folder).empty());  // there is none to lose

  state.best_step = 7;
  state.best_score = 1;
  TrainState there = state;
  save_checkpoint(path, *make_model(&cpu, of_sum), {}, {there, "", {}});
  CHECK(message_of<DataError>([&] { require_best(state, path, "runs/x"); }) ==
        path +
            ": is of run step 0, and this run's best is of step 7: another process wrote it? "
            "go on with: weft train --resume runs/x");
  CHECK(forget_lost_best(state, of_sum, folder) ==
        path +
            " is of run step 0; the best so far was of run step 7: it is counted anew from here");
  CHECK((state.best_step == -1 && std::isinf(state.best_score)));

  state.best_step = 0;
  require_best(state, path, "runs/x");
  CHECK(forget_lost_best(state, of_sum, folder).empty());
  CHECK(state.best_step == 0);
  CHECK(contains(forget_lost_best(state, of_sum, temp.file("gone")), "counted anew"));

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
  CHECK(forget_lost_best(state, run, folder).empty());
  CHECK(state.task_best_step == std::vector<int64_t>{3, -1});
  CHECK((state.best_step == 3 && state.best_score == 0.5));
}
