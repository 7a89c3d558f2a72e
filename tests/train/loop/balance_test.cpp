// Runs with [balance]: every method learns, gives the same bits on 1 and 7 threads and killed and
// resumed, whichever labels a batch lacks; what tasks do to each other is written without a trace in
// the run.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <utility>

#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/learned_trunk.h"
#include "tests/support/run_bits.h"
#include "tests/support/sanitized.h"
#include "tests/train/loop/balance_run.h"
#include "tests/train/loop/parts_run.h"
#include "train/run_folder/changes.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/summary.h"

using namespace weft;
using weft::test::balance_methods;
using weft::test::BalanceTable;
using weft::test::bits_of;
using weft::test::device_of;
using weft::test::message_of;
using weft::test::same;
using weft::test::train;

namespace {

std::string method(const std::string& name) { return "balance.method=" + name; }

/// What a run says, and its losses by step, summed over the tasks that have labels.
struct Listener final : TrainObserver {
  void on_step(const StepReport& report) override {
    losses.push_back(0);
    for (const Measure& loss : report.losses) losses.back() += loss ? loss.value() : 0;
  }
  void say(const std::string& line) override { lines.push_back(line); }
  bool said(const std::string& what) const {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.find(what) != std::string::npos;
    });
  }
  double mean(size_t begin, size_t end) const {
    return std::accumulate(losses.begin() + static_cast<std::ptrdiff_t>(begin),
                           losses.begin() + static_cast<std::ptrdiff_t>(end), 0.0) /
           static_cast<double>(end - begin);
  }
  std::vector<double> losses;
  std::vector<std::string> lines;
};

/// Puts other numbers in the place of a weight in some steps.
struct Spoiler final : StepProbe {
  Spoiler(Trainer& t, std::vector<int64_t> at, double with) : trainer(t), steps(at), bad(with) {}
  Tensor& weight() { return trainer.model().store().find("heads.yes.fc.weight")->value; }
  void before(const StepInputs&, const Batch&) override {
    if (std::find(steps.begin(), steps.end(), trainer.state().total_step) == steps.end()) return;
    kept = weight();
    weight() = Tensor::full(kept.shape(), bad, kept.dtype());
  }
  void after() override {
    if (kept.defined()) weight() = std::exchange(kept, {});
  }
  Trainer& trainer;
  std::vector<int64_t> steps;
  double bad;
  Tensor kept;
};

Listener listen(RunFile run, int64_t steps) {
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Listener listener;
  Trainer trainer(run, *data, device_of(cpu), &listener);
  for (int64_t i = 0; i < steps; ++i) trainer.step();
  return listener;
}

}  // namespace

TEST_CASE("balance: equal weights are the run that asks for nothing, bit for bit", "[balance]") {
  const BalanceTable table;
  const auto plain = train(table.run(), 1, 25);
  CHECK(same(train(table.run({method("equal")}), 1, 25), plain));
  CHECK_FALSE(same(train(table.run({method("uw")}), 1, 25), plain));
}

TEST_CASE("balance: every method learns a table on which labels are missing", "[balance]") {
  if (test::sanitized) WEFT_SKIP("a few steps of every method are the next tests'");
  const BalanceTable table;
  for (const std::string& name : balance_methods()) {
    const Listener run =
        listen(table.run({"sharing=hard", method(name), "retrain.steps=150", "data.batch=4"}), 150);
    INFO(name);
    CHECK(run.mean(120, 150) < 0.8 * run.mean(0, 30));
    CHECK(run.said("balance of retrain steps: "));
  }
}

TEST_CASE("balance: three methods learn rendered rooms", "[balance]") {
  if (test::sanitized) WEFT_SKIP("a few steps of every method are other tests'");
  for (const char* name : {"uw", "upgrad", "db_mtl"}) {
    const Listener run = listen(test::parts_run({"sharing=hard", method(name), "retrain.steps=60",
                                                 "data.batch=4", "warmup.optimizer.lr=0.003"}),
                                60);
    INFO(name);
    CHECK(run.mean(45, 60) < 0.8 * run.mean(0, 15));
  }
}

TEST_CASE("balance: every method gives the same bits on 1 and 7 threads, and killed and resumed",
          "[balance][determinism][resume]") {
  const BalanceTable table;
  for (const std::string& name : balance_methods()) {
    RunFile run = table.run({"sharing=hard", method(name)});
    INFO(name);
    CHECK(same(train(run, 1, 9), train(run, 7, 9)));
    CpuContext cpu(2);
    const auto data = open_dataset(run);
    const auto last = [](const std::string& folder) {
      return read_file(checkpoint_path(folder, "last"));
    };
    Trainer whole(run, *data, device_of(cpu));
    whole.start(table.folder(name + "_whole"));
    for (int i = 0; i < 8; ++i) whole.step();
    {
      Trainer first(run, *data, device_of(cpu));
      first.start(table.folder(name));
      for (int i = 0; i < 5; ++i) first.step();
    }
    Trainer second(run, *data, device_of(cpu), nullptr, Trainer::Begin::resumed);
    second.resume(table.folder(name));
    for (int i = 5; i < 8; ++i) second.step();
    // The whole file: weights, moments, and what the method has learned.
    CHECK(last(table.folder(name)) == last(table.folder(name + "_whole")));
  }
}

TEST_CASE("balance: in AdaShare's stages too, killed anywhere", "[balance][resume]") {
  const BalanceTable table;
  const std::vector<std::vector<std::string>> runs{
      {method("famo")},
      {method("gradnorm"), "balance.weighting=dwa"},
      {method("gradvac"), "balance.groups=layer"},
      {method("moco"), "balance.weighting=uw", "balance.weighting_rate=0.01"},
      {method("upgrad"), "balance.keep=false", "balance.watch=2"}};
  for (const auto& settings : runs) {
    RunFile run = table.run(settings);
    CpuContext cpu(2);
    const auto data = open_dataset(run);
    Trainer whole(run, *data, device_of(cpu));
    const std::string name = settings[0].substr(settings[0].find('=') + 1);
    whole.start(table.folder(name));
    whole.run();
    // Warm-up, its end, weights steps, a logit step, the search's end, re-training.
    for (int64_t kill_at : {3, 6, 8, 9, 15, 17}) {
      const std::string path = table.folder(fmt::format("{}_{}", name, kill_at));
      {
        Trainer first(run, *data, device_of(cpu));
        first.start(path);
        for (int64_t i = 0; i < kill_at; ++i) first.step();
      }
      Trainer second(run, *data, device_of(cpu), nullptr, Trainer::Begin::resumed);
      second.resume(path);
      second.run();
      INFO(name << " killed after step " << kill_at);
      CHECK(same(bits_of(second), bits_of(whole)));
      CHECK(second.state() == whole.state());
      if (run.balance.watch > 0)
        CHECK(read_file(path + "/balance.jsonl") ==
              read_file(table.folder(name) + "/balance.jsonl"));
    }
  }
}

TEST_CASE("balance: a checkpoint's state is this method's or is refused", "[balance][resume]") {
  const BalanceTable table;
  RunFile run = table.run({"sharing=hard", method("famo")});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  trainer.start(table.folder("famo"));
  for (int i = 0; i < 3; ++i) trainer.step();
  const std::string last = checkpoint_path(table.folder("famo"), "last");
  const auto loading = [&](const std::vector<std::string>& settings) {
    const RunFile other = table.run(settings);
    TaskBalance balance(other, &cpu);
    return message_of<DataError>([&] { load_balance(last, trainer.model(), balance); });
  };
  CHECK(loading({"sharing=hard", method("famo")}).empty());
  for (const char* name : {"uw", "equal"})
    CHECK(loading({"sharing=hard", method(name)})
              .find(last +
                    ": its state of [balance] is not this run's; unexpected: balance.method.") ==
          0);
  CHECK(message_of<ConfigError>([&] {
          changed_run(print_run_file(run), "run.toml", {method("uw")});
        }).find("train: 'balance.method' cannot change while a run goes on") == 0);
}

TEST_CASE("balance: watching leaves no trace in the run", "[balance]") {
  const BalanceTable table;
  for (const char* name : {"equal", "uw", "upgrad", "moco"}) {
    const std::vector<std::string> settings{method(name)};
    const std::vector<std::string> watching{method(name), "balance.watch=3"};
    INFO(name);
    CHECK(same(train(table.run(watching), 1, 25), train(table.run(settings), 1, 25)));
  }
}

TEST_CASE("balance: a watched step writes norms, cosines and weights, stage by stage",
          "[balance]") {
  const BalanceTable table;
  RunFile run = table.run({"sharing=hard", method("upgrad"), "balance.watch=2"});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  trainer.start(table.folder("watched"));
  for (int i = 0; i < 7; ++i) trainer.step();
  const std::string path = table.folder("watched") + "/balance.jsonl";
  const auto lines = read_balance(path, {"yes", "much", "more"});
  REQUIRE(lines.size() == 3);
  for (size_t l = 0; l < 3; ++l) {
    const BalanceRecord& record = lines[l].record;
    const size_t m = record.tasks.size();
    CHECK(lines[l].step == static_cast<int64_t>(2 * l + 2));
    CHECK(lines[l].phase == Phase::retrain);
    CHECK(record.weights.size() == m);
    REQUIRE(record.stages.size() == 4);
    CHECK(record.stages[0].name == "stem");
    CHECK(record.stages[1].name == "blocks.0");
    CHECK(record.stages[3].name == "all");
    for (size_t i = 0; i < m; ++i) {
      double squares = 0;
      for (size_t s = 0; s < 3; ++s)
        squares += record.stages[s].norms[i] * record.stages[s].norms[i];
      const double all = record.stages[3].norms[i];
      CHECK(std::abs(all * all - squares) <= 1e-12 * squares);
      for (size_t j = 0; j < m; ++j) {
        const double cosine = record.stages[3].cosines[i * m + j];
        CHECK(std::abs(cosine - record.stages[3].cosines[j * m + i]) < 1e-15);
        CHECK(std::abs(i == j ? cosine - 1 : 0) < 1e-12);
        CHECK(std::abs(cosine) <= 1 + 1e-12);
      }
    }
  }
}

TEST_CASE("balance: a watched step that is not taken has no line, and the run is told to its end",
          "[balance][nan]") {
  const BalanceTable table;
  CpuContext cpu(1);
  const double bads[] = {std::nan(""), std::numeric_limits<double>::infinity()};
  const std::vector<std::vector<std::string>> methods{
      {method("equal")},  {method("uw")},
      {method("upgrad")}, {method("upgrad"), "balance.keep=false"},
      {method("moco")},   {method("mgda"), "balance.weighting=dwa"}};
  for (size_t m = 0; m < methods.size(); ++m)
    for (const double bad : bads) {
      std::vector<std::string> settings{"sharing=hard", "retrain.steps=6", "balance.watch=1",
                                        "on_nonfinite=skip"};
      settings.insert(settings.end(), methods[m].begin(), methods[m].end());
      RunFile run = table.run(settings);
      const auto data = open_dataset(run);
      Trainer trainer(run, *data, &cpu);
      Spoiler spoiler(trainer, {0, 3}, bad);
      trainer.set_probe(&spoiler);
      const std::string folder = table.folder(fmt::format("skipped_{}_{}", m, bad));
      trainer.start(folder);
      trainer.run();
      INFO(fmt::format("{} {}", fmt::join(methods[m], " "), bad));
      CHECK(trainer.state().skipped == 2);
      CHECK_NOTHROW(read_summary(folder));
      std::vector<int64_t> steps;
      for (const BalanceLine& line :
           read_balance(folder + "/balance.jsonl", {"yes", "much", "more"}))
        steps.push_back(line.step);
      CHECK(steps == std::vector<int64_t>{2, 3, 5, 6});
    }
}

TEST_CASE("balance: a run without a watch has no balance.jsonl, and may begin to watch",
          "[balance][resume]") {
  const BalanceTable table;
  RunFile run = table.run({"sharing=hard"});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  const RunFile watching = changed_run(print_run_file(run), "run.toml", {"balance.watch=1"});
  const std::string file = table.folder("late") + "/balance.jsonl";
  {
    Trainer trainer(run, *data, &cpu);
    trainer.start(table.folder("late"));
    for (int i = 0; i < 3; ++i) trainer.step();
  }
  CHECK_FALSE(std::filesystem::exists(file));
  Trainer trainer(watching, *data, &cpu, nullptr, Trainer::Begin::resumed);
  trainer.resume(table.folder("late"), "last", {"balance.watch=1"});
  for (int i = 0; i < 2; ++i) trainer.step();
  CHECK(read_balance(file, {"yes", "much", "more"}).size() == 2);
}

TEST_CASE("balance: what is shared is said once a phase, and what is odd once", "[balance]") {
  const BalanceTable table;
  const Listener run = listen(table.run({method("upgrad")}), 25);
  const auto count = [&](const std::string& what) {
    return std::count_if(run.lines.begin(), run.lines.end(), [&](const std::string& line) {
      return line.find(what) != std::string::npos;
    });
  };
  CHECK(count("warmup step 1 (run step 1): balance of warmup steps: upgrad: ") == 1);
  CHECK(count("of stem, blocks.0, blocks.1") >= 2);
  for (const char* phase : {"warmup", "weights", "retrain"})
    CHECK(count(fmt::format("balance of {} steps", phase)) == 1);
  CHECK(count("balance of policy") == 0);
  CHECK(listen(table.run({"sharing=single", method("upgrad")}), 2)
            .said("tasks share no parameter here, so there is nothing to weigh"));
  CHECK(listen(table.run({"sharing=hard", method("upgrad"), "balance.shared=[\"stem.*\"]"}), 2)
            .said("of stem"));
  RunFile none = table.run({"sharing=hard", method("upgrad"), "balance.shared=[\"layer9.*\"]"});
  CHECK(message_of<ConfigError>([&] {
          listen(none, 1);
        }).find("names none of the parameters that tasks share") != std::string::npos);
}

TEST_CASE("balance: what balance.shared names may rest for a while", "[balance][input_routing]") {
  const auto routed = [](const std::string& pattern) {
    RunFile run =
        test::parts_run({"sharing=input_routing", "share.estimator=gumbel", "share.full_steps=2",
                         "share.policy_steps=2", "retrain.steps=6", method("upgrad"),
                         "balance.watch=1", "balance.shared=[\"" + pattern + "\"]"});
    return listen(run, 6);
  };
  // The trunk stands still while the router learns alone, and the router before it learns.
  for (const char* pattern : {"layer*", "sharing.policy*"}) {
    const Listener run = routed(pattern);
    CHECK(run.losses.size() == 6);
    CHECK(run.said("balance of retrain steps: upgrad"));
    CHECK(run.said("what tasks share changes with the run's own phases and its routes"));
    CHECK_FALSE(run.said("tasks share no parameter"));
  }
  for (const char* pattern : {"layer9*", "heads.*", "policy.routing*"})
    CHECK_THAT(message_of<ConfigError>([&] { routed(pattern); }),
               contains_text("names none of the parameters that tasks share"));
}

TEST_CASE("balance: a way of sharing's own term is added as it is", "[balance]") {
  const BalanceTable table;
  for (const std::string& sharing :
       test::names_of(ways_where([](const WayOfSharing& way) { return !way.policy; }))) {
    if (sharing == "single") continue;     // which shares nothing
    if (sharing == "blockdrop") continue;  // which refuses [balance]
    INFO(sharing);
    std::vector<std::string> settings{"sharing=" + sharing, method("upgrad")};
    if (sharing == "input_routing")
      for (const char* more : {"estimator=gumbel", "full_steps=1", "policy_steps=1"})
        settings.push_back(std::string("share.") + more);
    RunFile parts = test::parts_run(settings);
    const test::TempFolder folder;
    test::give_start(parts, folder);
    const Listener run = listen(parts, 4);
    CHECK(run.losses.size() == 4);
    CHECK(run.said("balance of retrain steps"));
  }
}
