// A dry run's forecast against the run itself: what it counts, exactly; its time, within a factor
// that a busy machine leaves.
#include "train/loop/forecast.h"

#include <atomic>
#include <chrono>
#include <filesystem>

#include "data/cached.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::TempFolder;

namespace {

RunFile scenes(const std::vector<std::string>& overrides) {
  return test::rooms_run(
      {"data.size=[32, 32]", "data.count=16", "data.val_count=6", "data.test_count=8",
       "warmup.steps=9", "policy.steps=11", "policy.weight_steps=3", "policy.logit_steps=2",
       "policy.curriculum_speed=1", "policy.draws=3", "retrain.steps=5", "eval.every=4",
       "checkpoint.every=3"},
      overrides);
}

/// Rendered rooms that are counted where they are rendered.
class Counted final : public Dataset {
 public:
  Counted(const RunFile& run, std::atomic<int64_t>& loads) : loads_(loads) {
    RunFile own = run;
    inner_ = open_dataset(own);
  }
  int64_t size() const override { return inner_->size(); }
  Sample load(int64_t index) const override {
    ++loads_;
    return inner_->load(index);
  }
  std::string key(int64_t index) const override { return inner_->key(index); }
  Split split(int64_t index) const override { return inner_->split(index); }
  LearnedFromData learned() const override { return inner_->learned(); }
  SampleContents contents(int64_t index) const override { return inner_->contents(index); }

 private:
  std::unique_ptr<Dataset> inner_;
  std::atomic<int64_t>& loads_;
};

struct Seen : TrainObserver {
  std::map<Phase, int64_t> steps;
  std::array<int64_t, 4> evaluations{};
  void on_step(const StepReport& report) override { ++steps[report.phase]; }
  void on_eval(Stage stage, EvalSplit, const std::vector<TaskResult>&) override {
    ++evaluations[static_cast<size_t>(stage)];
  }
};

/// Samples that the work says are loaded.
double loads_of(const RunWork& work, const RunFile& run) {
  double batches = 0;
  for (const PhaseWork& phase : work.phases) batches += phase.fresh;
  for (const EvaluationWork* of : {&work.val, &work.choice, &work.test})
    batches += of->fresh * static_cast<double>(of->batches);
  return batches * static_cast<double>(run.data.batch);
}

void check_counts(const std::vector<std::string>& overrides, bool cached) {
  CAPTURE(overrides, cached);
  const RunFile run = scenes(overrides);
  std::atomic<int64_t> loads = 0;
  std::unique_ptr<Dataset> data = std::make_unique<Counted>(run, loads);
  if (cached) data = std::make_unique<CachedDataset>(std::move(data), size_t{1} << 30);
  CpuContext cpu(1);
  Seen seen;
  TempFolder folder;
  Trainer trainer(run, *data, &cpu, &seen);
  const RunWork work = work_of(run, *data, trainer.parts(), trainer.clock(),
                               trainer.model().policy() != nullptr, cached ? 1 : 0);
  loads = 0;
  trainer.start(folder.file("run"));
  trainer.run();
  CHECK(loads_of(work, run) == static_cast<double>(loads));
  std::map<Phase, int64_t> steps;
  for (const PhaseWork& phase : work.phases) steps[phase.phase] = phase.steps;
  CHECK(steps == seen.steps);
  for (size_t stage = 0; stage < 3; ++stage)
    CHECK(work.val.times[stage] == seen.evaluations[stage]);
  CHECK(work.test.all() == seen.evaluations[3]);
}

/// Seconds of both, one right after the other.
std::pair<double, double> forecast_and_real(const RunFile& file) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
  };
  TempFolder folder;
  CpuContext cpu(1);
  RunFile run = file;
  double told = 0;
  {
    const auto began = Clock::now();
    const auto data = open_dataset(run);
    const double opened = since(began);
    Trainer trainer(without_ends(run), *data, &cpu);
    told = forecast(trainer, run, *data, {opened, since(began) - opened}, folder.path(),
                    [](const std::string&, Trainer&) {})
               .total();
    CHECK(folder.entries() == 0);
  }
  const auto began = Clock::now();
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  trainer.start(folder.file("run"));
  trainer.run();
  return {told, since(began)};
}

/// Evaluations are most of these runs, so that without them a forecast is not half of the truth. A
/// machine that other work slows down between the two is asked again.
void check_time(const RunFile& run) {
  for (int tries = 0;; ++tries) {
    const std::pair<double, double> times = forecast_and_real(run);
    const double told = times.first, real = times.second;
    CAPTURE(run.name, name_of(run.sharing));
    const bool near = told < 1.6 * real && real < 1.6 * told;
    if (near) return;
    if (tries == 2) FAIL("told " << told << " s, took " << real << " s");
  }
}

RunFile table(const TempFolder& folder, const std::string& sharing) {
  std::string text = "x,y,a,b,split\n";
  for (int i = 0; i < 6000; ++i)
    text +=
        fmt::format("{},{},{},{},{}\n", i % 97, i % 31, i % 2, i % 7, i < 2000 ? "train" : "val");
  write_file(folder.file("index.csv"), text);
  return parse_run_text(R"(name = "table"
[model]
trunk = "mlp"
hidden = 32
blocks = 3
[data]
kind = "tabular"
split = "split"
batch = 32
workers = 1
columns = ["x", "y"]
[[task]]
name = "A"
kind = "binary"
column = "a"
[[task]]
name = "B"
kind = "regression"
column = "b"
[warmup]
steps = 300
[policy]
steps = 300
weight_steps = 10
logit_steps = 5
curriculum_speed = 1
[retrain]
steps = 900
[eval]
every = 20
[checkpoint]
every = 1000
)",
                        "table.toml", {"data.root=" + folder.path(), "sharing=" + sharing});
}

const std::vector<std::string> rooms = {
    "data.workers=1",   "data.count=200",  "data.val_count=160",
    "data.batch=4",     "warmup.steps=20", "policy.steps=30",
    "retrain.steps=40", "eval.every=4",    "checkpoint.every=100"};

std::vector<std::string> rooms_by(const std::string& sharing) {
  std::vector<std::string> settings = rooms;
  settings.push_back("sharing=" + sharing);
  return settings;
}

}  // namespace

TEST_CASE("forecast: steps, evaluations and loads are counted as the run makes them",
          "[forecast]") {
  for (const bool cached : {false, true}) {
    check_counts({}, cached);
    check_counts({"sharing=hard"}, cached);
    check_counts({"sharing=single", "retrain.steps=20", "eval.every=5"}, cached);
    check_counts({"policy.choose=draw", "eval.batches=2", "warmup.steps=8"}, cached);
    check_counts({"eval.split=test", "policy.from=last", "policy.steps=10"}, cached);
  }
}

TEST_CASE("forecast: checkpoints are those of a run, step by step", "[forecast]") {
  const RunFile run = scenes({});
  std::atomic<int64_t> loads = 0;
  const Counted data(run, loads);
  CpuContext cpu(1);
  const Trainer trainer(run, data, &cpu);
  const RunWork work = work_of(run, data, trainer.parts(), trainer.clock(), true, 0);
  int64_t total = 0, resumable = 1, models = 0;
  for (const Stage stage : {Stage::warmup, Stage::search, Stage::retrain})
    for (int64_t step = 1; step <= stage_steps(run, stage); ++step) {
      const bool ends = step == stage_steps(run, stage);
      ++total;
      if (ends || total % run.checkpoint_every == 0) ++resumable;
      if (ends) ++models;
      if (stage == Stage::retrain && (ends || total % run.eval.every == 0)) ++models;
    }
  CHECK(work.resumable == resumable);
  CHECK(work.models == models);
}

TEST_CASE("forecast: a run takes as long as was told", "[forecast]") {
  if (test::sanitized) WEFT_SKIP("times are the other builds' to judge");
  TempFolder folder;
  check_time(table(folder, "hard"));
  check_time(scenes(rooms_by("hard")));
}

TEST_CASE("forecast: a run of all phases takes as long as was told", "[forecast][slow]") {
  TempFolder folder;
  for (const char* sharing : {"single", "adashare"}) {
    check_time(table(folder, sharing));
    check_time(scenes(rooms_by(sharing)));
  }
}
