// The trainer's promises on a slim network: the same bits on 1, 2 and 7 threads and run after run;
// killed and resumed in any stage equals uninterrupted; no system allocation in steady state; the
// phases change what they should and nothing else.
#include "train/loop/trainer.h"
#include "tests/support/learned_trunk.h"
#include "tests/support/sanitized.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "io/files.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "tests/support/thread_ranks.h"
#include "train/run_folder/checkpoint.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::device_of;
using weft::test::same;
using weft::test::TempFolder;
using weft::test::train;

namespace {

RunFile slim_run(const std::vector<std::string>& overrides = {}) {
  return test::rooms_run(
      {"task.depth.weight=2.0", "model.head=aspp", "seed=5", "model.width=0.07",
       "model.head_width=8", "data.size=[33, 41]", "data.count=24", "data.val_count=4",
       "data.test_count=4", "data.workers=1", "warmup.steps=3", "policy.steps=6",
       "policy.weight_steps=2", "policy.logit_steps=1", "policy.curriculum_speed=1",
       "policy.draws=2", "retrain.steps=3", "eval.every=100", "checkpoint.every=1"},
      overrides);
}

}  // namespace

TEST_CASE("1, 2 and 7 threads and a second run give the same bits in every phase",
          "[train][determinism]") {
  RunFile run = slim_run({"warmup.steps=20", "policy.steps=40", "policy.weight_steps=2",
                          "policy.logit_steps=2", "retrain.steps=20"});
  // 20 steps of warm-up, 20 of weights, 20 of logits and 20 of re-training.
  const auto one = train(run, 1, 80);
  CHECK(same(one, train(run, 7, 80)));
  if (test::sanitized) return;  // seven threads meet what fewer do
  CHECK(same(one, train(run, 1, 80)));
  CHECK(same(one, train(run, 2, 80)));
}

TEST_CASE("hard straight-through samples are deterministic and skip for real",
          "[train][determinism]") {
  RunFile run = slim_run({"policy.hard=true", "policy.curriculum_speed=0"});
  CHECK(same(train(run, 1, 12), train(run, 7, 12)));
}

TEST_CASE("a run killed in any stage and resumed ends with the bits of an unbroken one",
          "[train][resume]") {
  RunFile run = slim_run();
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Trainer whole(run, *data, device_of(cpu));
  TempFolder whole_folder;
  whole.start(whole_folder.path() + "/run");
  whole.run();
  const auto expected = bits_of(whole);
  // Warm-up 1, its end 3, a weights step 4, a logits step 6, the search's end 9, re-training 10.
  for (int64_t kill_at : {1, 3, 4, 6, 9, 10}) {
    if (test::sanitized && kill_at % 3 != 0) continue;
    TempFolder folder;
    const std::string path = folder.path() + "/run";
    {
      Trainer first(run, *data, device_of(cpu));
      first.start(path);
      for (int64_t i = 0; i < kill_at; ++i) first.step();
    }
    Trainer second(run, *data, device_of(cpu));
    second.resume(path);
    CHECK(second.state().total_step == kill_at);
    second.run();
    INFO("killed after step " << kill_at);
    CHECK(same(bits_of(second), expected));
    CHECK(second.state() == whole.state());
    // The written record is the same too, but for times.
    auto lines = read_metrics(path + "/metrics.jsonl");
    const auto whole_lines = read_metrics(whole_folder.path() + "/run/metrics.jsonl");
    REQUIRE(lines.size() == whole_lines.size());
    for (size_t i = 0; i < lines.size(); ++i) {
      CHECK(lines[i].step == whole_lines[i].step);
      CHECK(lines[i].task == whole_lines[i].task);
      CHECK(lines[i].loss == whole_lines[i].loss);
    }
  }
}

TEST_CASE("between steps 3 and 30 of one plan no allocation reaches the system",
          "[train][memory]") {
  RunFile run = slim_run({"warmup.steps=40"});
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, device_of(cpu));
  for (int i = 0; i < 3; ++i) trainer.step();
  const int64_t before = memory_of(device_of(cpu)).counters().system_calls;
  for (int i = 3; i < 30; ++i) trainer.step();
  CHECK(memory_of(device_of(cpu)).counters().system_calls == before);
}

TEST_CASE("weights steps leave the logits alone, and logit steps the weights", "[train]") {
  RunFile run = slim_run();
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, device_of(cpu));
  const auto values = [&](Part part) {
    std::vector<std::vector<double>> out;
    for (const Parameter& p : trainer.model().store().parameters())
      if ((trainer.model().store().part_of(p) == Part::policy) == (part == Part::policy))
        out.push_back(to_host(trainer.context(), p.value).to_vector());
    return out;
  };
  for (int i = 0; i < 3; ++i) trainer.step();
  REQUIRE(trainer.state().stage == Stage::search);
  auto weights = values(Part::trunk), logits = values(Part::policy);
  trainer.step();  // weights
  CHECK(values(Part::policy) == logits);
  CHECK(values(Part::trunk) != weights);
  trainer.step();
  weights = values(Part::trunk);
  trainer.step();  // logits
  CHECK(values(Part::policy) != logits);
  CHECK(values(Part::trunk) == weights);
}

TEST_CASE("blocks that nobody selects are left untouched by re-training", "[train]") {
  RunFile run = slim_run({"policy.steps=0", "warmup.steps=0"});
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  TempFolder folder;
  Trainer trainer(run, *data, device_of(cpu));
  REQUIRE(trainer.state().stage == Stage::retrain);
  REQUIRE(trainer.state().chosen.select.size() == 2);
  trainer.run();
  CHECK(trainer.state().stage == Stage::done);
}

TEST_CASE("every way of sharing trains", "[train]") {
  for (const std::string& sharing : test::names_of(test::all_ways())) {
    std::vector<std::string> settings = {"sharing=" + sharing, "model.width=0.0625"};
    if (way_of(from_word<Sharing>("sharing", sharing))
            .phased)  // whose first steps are of weights or policy alone
      settings.insert(settings.end(), {"share.full_steps=0", "share.policy_steps=0"});
    RunFile run = slim_run(settings);
    CpuContext cpu(2);
    const auto data = open_dataset(run);
    TempFolder folder;
    test::give_start(run, folder);
    Trainer trainer(run, *data, device_of(cpu));
    trainer.start(folder.path() + "/run");
    trainer.run();
    CHECK(std::filesystem::exists(folder.path() + "/run/checkpoints/best.safetensors"));
    CHECK(std::filesystem::exists(folder.path() + "/run/checkpoints/last.safetensors"));
  }
}

TEST_CASE("what is tested are the weights of the step with the least validation loss", "[train]") {
  // A rate that grows two hundredfold for the last two steps, so that the best one comes before.
  RunFile run =
      slim_run({"sharing=hard", "retrain.steps=12", "retrain.optimizer.lr=0.005", "eval.every=1",
                "retrain.schedule={kind=\"step\", every=10, factor=200}"});
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  TempFolder folder;
  const std::string path = folder.path() + "/run";
  {
    Trainer trainer(run, *data, device_of(cpu));
    trainer.start(path);
    trainer.run();
  }
  const RunSummary summary = read_summary(path);
  CHECK(summary.steps == 12);
  REQUIRE(summary.best_step >= 1);
  CHECK(summary.best_step < 12);
  std::map<int64_t, double> loss_at;  // weighted, as the run file says
  for (const MetricsLine& line : read_metrics(path + "/metrics.jsonl"))
    if (line.split == "val")
      loss_at[line.step] += (line.task == "depth" ? 2 : 1) * line.loss.value();
  REQUIRE(loss_at.size() == 12);
  for (const auto& [step, loss] : loss_at)
    if (step != summary.best_step) CHECK(loss_at[summary.best_step] < loss);
  Trainer again(run, *data, device_of(cpu));
  load_model(path + "/checkpoints/best.safetensors", again.model());
  const auto results = again.evaluate_split(EvalSplit::test);
  for (size_t k = 0; k < results.size(); ++k) {
    CHECK(results[k].loss == summary.results[k].loss);
    CHECK(results[k].metrics[0].value == summary.results[k].metrics[0].value);
  }
}

TEST_CASE("a resumed run adds to the time and memory that were measured before",
          "[train][resume]") {
  RunFile run = slim_run({"sharing=hard", "retrain.steps=4"});
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  TempFolder folder;
  const std::string path = folder.path() + "/run";
  {
    Trainer first(run, *data, device_of(cpu));
    first.start(path);
    for (int i = 0; i < 3; ++i) first.step();
  }
  const Measured before = read_measured(path);
  const auto retrain = static_cast<size_t>(Stage::retrain);
  CHECK(before.seconds[retrain] > 0);
  CHECK(before.peak_bytes > 0);
  Trainer second(run, *data, device_of(cpu));
  second.resume(path);
  CHECK(second.measured().in_steps() == before.seconds[retrain]);
  second.run();
  const RunSummary summary = read_summary(path);
  CHECK(summary.seconds.at("retrain") > before.seconds[retrain]);
  CHECK(summary.peak_bytes >= before.peak_bytes);
}

TEST_CASE("a finished run that goes on, or is tested by ranks, keeps nothing of its end before",
          "[train][resume][ranks]") {
  RunFile run = slim_run({"sharing=hard", "retrain.steps=4"});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  TempFolder folder;
  const std::string path = folder.path() + "/run";
  const auto there = [&](const char* file) { return std::filesystem::exists(path + "/" + file); };
  const std::vector<const char*> drawn = {"pictures/extremes.svg", "pictures/samples.svg",
                                          "pictures/predictions.svg", "rows.csv"};
  const auto end = [&](Trainer& trainer) {
    trainer.run();
    for (const char* file : drawn) write_file(path + "/" + file, "<svg ></svg>\n");
  };
  {
    Trainer first(run, *data, device_of(cpu));
    first.start(path);
    end(first);
  }
  CHECK((there("summary.json") && there("test.json")));
  {
    Trainer second(run, *data, device_of(cpu), nullptr, Trainer::Begin::resumed);
    second.resume(path, "last-1");
    for (const char* file : drawn) CHECK_FALSE(there(file));
    CHECK_FALSE((there("summary.json") || there("test.json")));
    end(second);
    CHECK((there("summary.json") && there("test.json")));
  }
  test::run_ranks(2, [&](int rank) {  // of the run that is done
    CpuContext mine(1);
    RunFile own = run;
    const auto its_data = open_dataset(own);
    Trainer third(own, *its_data, device_of(mine), nullptr, Trainer::Begin::resumed);
    if (rank == 0)
      third.resume(path);
    else
      third.follow(path, "last");
    third.run();
  });
  CHECK((there("summary.json") && there("pictures/samples.svg")));
  CHECK_FALSE((there("test.json") || there("pictures/extremes.svg")));
}

TEST_CASE("the search clock is a pure function of the step", "[train]") {
  const SearchClock clock{3, 2};
  CHECK(clock.phase(0) == Phase::weights);
  CHECK(clock.phase(3) == Phase::policy);
  CHECK(clock.phase(5) == Phase::weights);
  CHECK(clock.epoch(5) == 1);
  CHECK(clock.weight_cursor(4) == 3);
  CHECK(clock.policy_cursor(4) == 1);
  CHECK(clock.weight_cursor(6) == 4);
  PolicySpec spec;
  CHECK(SearchClock::temperature(spec, 0) == 5.0);
  CHECK(SearchClock::temperature(spec, 10000) == spec.floor);
}

TEST_CASE("bn.fixed: batch norm's weight and bias stay, its statistics move", "[train]") {
  for (const bool fixed : {false, true}) {
    RunFile run = slim_run({"sharing=hard", fixed ? "model.bn.fixed=true" : "debug=false"});
    CpuContext cpu(1);
    const auto data = open_dataset(run);
    Trainer trainer(run, *data, device_of(cpu));
    trainer.step();
    ParameterStore& store = trainer.model().store();
    for (const char* name : {"bn1.weight", "layer2.0.downsample.1.weight", "layer4.1.bn2.weight"}) {
      const auto v = to_host(trainer.context(), store.find(name)->value).to_vector();
      CHECK(std::all_of(v.begin(), v.end(), [](double x) { return x == 1; }) == fixed);
    }
    CHECK(store.stats()[0].stats.num_batches_tracked == 1);
  }
}
