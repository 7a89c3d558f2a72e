// --resume with another number of steps: a stage that goes on takes them, and the run ends as one that
// had them from the start; one that has ended takes none, and says why.
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/run_folder/changes.h"
#include "train/run_folder/checkpoint.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::device_of;
using weft::test::message_of;
using weft::test::same;
using weft::test::TempFolder;

namespace {

RunFile short_run(const std::vector<std::string>& more = {}) {
  return test::rooms_run(
      {"seed=5", "model.width=0.07", "model.head_width=8", "data.size=[33, 41]", "data.count=24",
       "data.val_count=4", "data.test_count=4", "data.workers=1", "warmup.steps=3",
       "policy.steps=6", "policy.weight_steps=2", "policy.logit_steps=1",
       "policy.curriculum_speed=1", "policy.draws=2", "retrain.steps=3", "eval.every=100",
       "checkpoint.every=1"},
      more);
}

}  // namespace

TEST_CASE("a stage that goes on takes more steps, and ends with the bits of a run that had them",
          "[train][resume]") {
  const auto check = [](int stop_at, const std::vector<std::string>& changes) {
    CAPTURE(stop_at, changes);
    CpuContext cpu(2);
    const TempFolder folder;
    const std::string path = folder.file("run");
    const auto finished = [&](Trainer& trainer) {
      while (trainer.step()) {
      }
      return bits_of(trainer);
    };
    RunFile longer = short_run(changes);
    const auto data = open_dataset(longer);
    Trainer whole(longer, *data, device_of(cpu));
    const auto wanted = finished(whole);
    RunFile begun = short_run();
    {
      const auto same_data = open_dataset(begun);
      Trainer first(begun, *same_data, device_of(cpu));
      first.start(path);
      for (int i = 0; i < stop_at; ++i) first.step();
    }
    const Checkpoint kept = read_checkpoint(path + "/checkpoints/last.safetensors");
    const RunFile run = changed_run(kept.run_text, "run.toml", changes);
    check_steps(begun, run, kept.state);
    Trainer second(run, *data, device_of(cpu), nullptr, Trainer::Begin::resumed);
    second.resume(FolderLock(path), "last", changes);
    CHECK(same(wanted, finished(second)));
  };
  check(2, {"warmup.steps=5"});
  check(2, {"policy.steps=9"});
  check(5, {"policy.steps=9"});
  check(2, {"warmup.steps=4", "policy.steps=3", "retrain.steps=5"});
}

TEST_CASE("a stage that has ended takes no other number of steps, and says why",
          "[train][resume]") {
  const RunFile begun = short_run();
  const auto refusal = [&](Stage stage, int64_t step, const std::string& change) {
    TrainState at;
    at.stage = stage;
    at.step = step;
    return message_of<ConfigError>([&] { check_steps(begun, short_run({change}), at); });
  };
  CHECK(refusal(Stage::warmup, 2, "warmup.steps=4").empty());
  CHECK(refusal(Stage::search, 2, "policy.steps=5").empty());
  CHECK(refusal(Stage::done, 0, "retrain.steps=5").empty());
  CHECK(refusal(Stage::warmup, 2, "warmup.steps=2") ==
        "train: warmup.steps=2: 2 are done; more than those go on, fewer do not");
  CHECK_THAT(refusal(Stage::search, 1, "warmup.steps=9"),
             contains_text("train: warmup.steps=9: the warm-up ended after 3 steps, and the search "
                           "began from there: it cannot be longer or shorter any more, only "
                           "retrain.steps can; train anew, with model.init"));
  CHECK_THAT(refusal(Stage::warmup, 3, "warmup.steps=9"), contains_text("the warm-up ended"));
  CHECK_THAT(refusal(Stage::retrain, 1, "policy.steps=9"),
             contains_text("the search ended after 6 steps, and the policy was drawn and "
                           "re-trained from there"));
  const RunFile hard = short_run({"sharing=hard"});
  TrainState at;
  at.stage = Stage::retrain;
  CHECK_THAT(message_of<ConfigError>([&] {
               check_steps(hard, short_run({"sharing=hard", "warmup.steps=9"}), at);
             }),
             contains_text("train: warmup.steps=9: this run has re-training alone"));
}
