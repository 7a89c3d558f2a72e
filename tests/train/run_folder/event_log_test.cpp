// log.tensorboard: the events of a run are the numbers of metrics.jsonl and search.jsonl, and the
// rates at which it trained; one that goes on says from where.
#include "train/run_folder/event_log.h"

#include <filesystem>
#include <map>

#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/events.h"
#include "tests/support/rooms_run.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"

using namespace weft;
using weft::test::TempFolder;

namespace {

using Events = std::map<std::pair<std::string, int64_t>, test::Event>;

/// Of all event files in the folder, by tag and step; session starts under "start".
Events events_in(const std::string& folder) {
  Events out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().rfind("events.out.tfevents.", 0) != 0) continue;
    for (const test::Event& e : test::read_events(entry.path().string()))
      if (e.version.empty()) out[{e.session == 0 ? e.tag : "start", e.step}] = e;
  }
  return out;
}

RunFile tiny_run(const std::vector<std::string>& more) {
  return test::rooms_run({"log.tensorboard=true", "warmup.steps=2", "warmup.optimizer.lr=0.5",
                          "warmup.optimizer.trunk_lr=0.25", "warmup.schedule.kind=cosine",
                          "policy.steps=4", "policy.weight_steps=1", "policy.logit_steps=1",
                          "policy.logits.lr=0.02", "policy.optimizer.lr=1e-3", "retrain.steps=4",
                          "retrain.optimizer.lr=1e-3", "eval.every=2", "checkpoint.every=1"},
                         more);
}

}  // namespace

TEST_CASE("tensorboard: events are the run's losses, metrics, rates and policies", "[run_folder]") {
  RunFile run = tiny_run({});
  const TempFolder folder;
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  const std::string path = folder.file("run");
  {
    Trainer trainer(run, *data, &cpu);
    trainer.start(path);
    trainer.run();
  }
  const Events events = events_in(path);
  size_t numbers = 0;
  for (const MetricsLine& line : read_metrics(path + "/metrics.jsonl")) {
    const std::string of = line.split + "/" + line.task;
    INFO(of << " at " << line.step);
    CHECK(events.at({"loss/" + of, line.step}).number == Catch::Approx(*line.loss));
    for (const Metric& m : line.metrics) {
      if (!m.value) continue;
      CHECK(events.at({m.name + "/" + of, line.step}).number == Catch::Approx(*m.value));
      ++numbers;
    }
  }
  CHECK(numbers > 20);
  CHECK(events.at({"rate/heads", 1}).number == 0.5);
  CHECK(events.at({"rate/trunk", 1}).number == 0.25);
  CHECK(events.at({"rate/heads", 2}).number == 0.25);  // half of a cosine
  CHECK(events.at({"rate/logits", 4}).number == Catch::Approx(0.02));
  CHECK(events.at({"rate/heads", 7}).number == Catch::Approx(1e-3));
  CHECK(events.count({"rate/stitches", 1}) == 0);
  const auto search = read_search(path + "/policy/search.jsonl", {"seg", "depth"});
  REQUIRE(search.size() == 2);
  for (const SearchLine& line : search) {
    double sum = 0;
    for (const double p : line.probability[0]) sum += p;
    CHECK(events.at({"p_select/seg", line.step}).sum == Catch::Approx(sum));
    CHECK_FALSE(events.at({"policy", line.step}).png.empty());
  }
}

TEST_CASE("tensorboard: a picture that the trainer shows is there, in its colours",
          "[run_folder]") {
  const TempFolder folder;
  CpuContext cpu(1);
  Picture sheet(3, 5, 3, 0.2f);
  *sheet.at(1, 2) = 2;  // as white as can be
  for (const char* wanted : {"true", "false"}) {
    RunFile run = tiny_run({std::string("log.tensorboard=") + wanted});
    const auto data = open_dataset(run);
    const std::string path = folder.file(wanted);
    Trainer trainer(run, *data, &cpu);
    trainer.show("samples", sheet);  // without a folder nothing
    trainer.start(path);
    trainer.step();
    trainer.show("samples", sheet);
    const Events events = events_in(path);
    if (!run.tensorboard) {
      CHECK(events.empty());
      continue;
    }
    const auto& png = events.at({"samples", 1}).png;
    write_file(folder.file("shown.png"), std::string(png.begin(), png.end()));
    const Picture shown = read_values(folder.file("shown.png"));
    REQUIRE((shown.height == 3 && shown.width == 5 && shown.channels == 3));
    CHECK(*shown.at(0, 0) == 51);
    CHECK(*shown.at(1, 2) == 255);
  }
}

TEST_CASE("tensorboard: a run that goes on tells from which step, with its own stage's rates",
          "[run_folder][resume]") {
  RunFile run = tiny_run({"retrain.schedule.kind=poly", "retrain.schedule.power=1"});
  const TempFolder folder;
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  const std::string path = folder.file("run");
  {
    Trainer trainer(run, *data, &cpu);
    trainer.start(path);
    for (int i = 0; i < 8; ++i) trainer.step();
  }
  Trainer trainer(run, *data, &cpu);
  trainer.resume(path);
  trainer.run();
  const Events events = events_in(path);
  // TensorBoard forgets what an earlier file has from a start's step on.
  CHECK(events.count({"start", 1}) == 1);
  CHECK(events.count({"start", 9}) == 1);
  CHECK(events.count({"loss/train/seg", 8}) == 1);
  CHECK(events.at({"rate/heads", 9}).number ==
        Catch::Approx(0.5e-3));  // its stage's third step of four
  CHECK(events.at({"rate/heads", 10}).number == Catch::Approx(0.25e-3));
}
