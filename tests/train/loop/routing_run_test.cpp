// Routing's runs: killed anywhere and resumed, and on 7 threads, they end with the same bits, running
// shares included; both estimators move the logits; the collaboration bonus draws tasks together;
// collapse is measured in the search's records and in the summary; a function block that no task takes
// stays bit for bit; what is of gates that select or skip is refused by its key; and five tasks learn on
// scenes (hidden, as it takes minutes:   build/weft_tests "routing learns*").
#include <algorithm>
#include <filesystem>

#include "io/files.h"
#include "models/collapse.h"
#include "models/route_policy.h"
#include "tests/support/catch.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "tests/train/loop/learning.h"
#include "tests/train/loop/parts_run.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/summary.h"
#include "train/step/choose_policy.h"
#include "train/study/run_table.h"
#include "train/study/study.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

RunFile routing_run(const std::string& estimator, const std::vector<std::string>& more = {}) {
  return test::choices_run("routing", estimator, more);
}

}  // namespace

TEST_CASE("routing: killed anywhere and resumed, and on 7 threads, it ends with the same bits",
          "[train][resume][determinism][routing]") {
  const std::string estimator = GENERATE("reinforce", "gumbel");
  INFO(estimator);
  RunFile run = routing_run(estimator, {"share.functions=3"});
  CpuContext one(1), seven(7);
  const auto data = open_dataset(run);
  // In warm-up; after a weights step of the search, after each of two for the logits; in re-training.
  const std::vector<int64_t> stops{2, 5, 7, 10, 15};
  REQUIRE(planned_steps(run) == 17);
  test::check_killed_and_resumed(run, *data, test::device_of(one), test::device_of(seven), stops);
}

TEST_CASE("routing: the search moves logits and running shares, which are in checkpoints",
          "[train][routing]") {
  const std::string estimator = GENERATE("reinforce", "gumbel");
  RunFile run = routing_run(estimator);
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  TempFolder folder;
  Trainer trainer(run, *data, &cpu);
  trainer.start(folder.path() + "/run");
  const Parameter* kept = trainer.model().store().find("policy.routing.shares");
  REQUIRE(kept != nullptr);
  const std::vector<double> begun = kept->value.to_vector();
  while (trainer.state().stage != Stage::retrain) {
    REQUIRE(trainer.step());
    if (trainer.state().stage != Stage::search) continue;
    // REINFORCE's first loss has nothing to be held against.
    const auto learned = trainer.clock().policy_cursor(trainer.state().step);
    if (learned == 0) CHECK(kept->value.to_vector() == begun);
    if (learned > 1) CHECK(kept->value.to_vector() != begun);
    const auto again = make_model(&cpu, run);
    load_model(folder.path() + "/run/checkpoints/last.safetensors", *again);
    CHECK(again->store().find(kept->name)->value.to_vector() == kept->value.to_vector());
    CHECK(dynamic_cast<RoutePolicy&>(*again->policy()).shares() == kept->value.to_vector());
  }
  for (const auto& row : trainer.model().policy()->probabilities())
    CHECK(std::any_of(row.begin(), row.end(), [](double p) { return p > 0.501; }));
}

TEST_CASE("routing: the collaboration bonus draws tasks together, and collapse is reported",
          "[train][routing]") {
  CpuContext cpu(2);
  std::vector<double> together;
  for (const char* bonus : {"0", "50"}) {
    RunFile run = routing_run("reinforce",
                              {"share.functions=3", "policy.init_method=random", "policy.steps=36",
                               "policy.curriculum_speed=0", std::string("policy.sparsity=") + bonus,
                               "policy.sharing=0", "policy.choose=likely", "policy.logits.lr=1",
                               "share.baseline=0.5", "eval.every=1000", "checkpoint.every=1000"});
    const auto data = open_dataset(run);
    TempFolder folder;
    Trainer trainer(run, *data, &cpu);
    trainer.start(folder.file("run"));
    trainer.run();
    const auto search =
        read_search(folder.file("run/policy/search.jsonl"), trainer.model().task_names());
    REQUIRE(search.back().together);
    CHECK(std::abs(*search.back().together - *trainer.model().policy()->together()) < 1e-6);
    together.push_back(*search.back().together);
    const RunSummary summary = read_summary(folder.file("run"));
    CHECK(summary.together == same_gates({summary.policy}, 0));
    CHECK_THAT(policy_text(summary, false), contains_text(collapse_text(*summary.together)));
  }
  INFO(together[0] << ", " << together[1]);
  CHECK(together[1] > together[0] + 0.3);
}

TEST_CASE("routing: of one task nobody says that all tasks take one path", "[train][routing]") {
  RunFile run = routing_run("reinforce");
  run.tasks.resize(1);
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  TempFolder folder;
  Trainer trainer(run, *data, &cpu);
  trainer.start(folder.file("run"));
  trainer.run();
  CHECK_FALSE(read_summary(folder.file("run")).together);
  const std::string log = read_text(folder.file("run/log.txt"));
  CHECK_THAT(log, contains_text("policy: "));
  CHECK(log.find("path") == std::string::npos);
}

TEST_CASE("routing: a function block that no task takes stays bit for bit, moments too",
          "[train][routing]") {
  RunFile run = routing_run("reinforce", {"retrain.steps=4", "retrain.optimizer.weight_decay=0.1"});
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  trainer.jump(Stage::retrain, 0);
  BinaryPolicy policy{{std::vector<int>(8, 1), std::vector<int>(8, 1)}};
  policy.select[1][2] = 2;                        // layer2.0: both
  policy.select[0][5] = policy.select[1][5] = 2;  // layer3.1: the second alone
  trainer.set_policy(policy);
  const auto unused = [](const std::string& name) {
    if (name.rfind("layer2.0.", 0) == 0) return false;
    const bool other = name.rfind("layer3.1.", 0) == 0;
    return name.find(other ? ".f1." : ".f2.") != std::string::npos;
  };
  std::vector<std::vector<double>> before;
  for (const Parameter& p : trainer.model().store().parameters())
    before.push_back(p.value.to_vector());
  for (int i = 0; i < 3; ++i) REQUIRE(trainer.step());
  size_t at = 0, stayed = 0;
  for (const Parameter& p : trainer.model().store().parameters()) {
    INFO(p.name);
    const bool same = before[at++] == p.value.to_vector();
    if (trainer.model().store().part_of(p) == Part::policy) continue;
    CHECK(same == unused(p.name));
    CHECK((trainer.optimizers()[0]->state_of(p) == nullptr) == unused(p.name));
    stayed += same;
  }
  CHECK(stayed == 7 * 6);  // of seven places two convolutions and two batch norms
}

TEST_CASE("routing: what is of gates that select or skip is refused by its key",
          "[run_file][routing]") {
  const auto refused = [](const std::string& setting) {
    return message_of<ConfigError>([&] { routing_run("reinforce", {setting}); });
  };
  CHECK_THAT(refused("retrain.gates=soft"),
             contains_text("'retrain.gates' is \"soft\", which is of gates that select or skip; "
                           "those of sharing = \"routing\" choose among function blocks"));
  CHECK_THAT(refused("semantics=compat"), contains_text("'semantics' is \"compat\""));
  CHECK_THAT(refused("policy.sparsity_form=log-select"), contains_text("'policy.sparsity_form'"));
  CHECK_THAT(refused("share.functions=1"),
             contains_text("'share.functions' is 1; it is at least 2"));
  CHECK_THAT(refused("share.functions=17"), contains_text("share.functions"));
  CHECK_THAT(refused("policy.hard=true"), contains_text("'policy.hard' is true"));
  CHECK_NOTHROW(routing_run("reinforce", {"retrain.gates=random"}));
  CHECK_NOTHROW(routing_run("gumbel", {"share.baseline=0.5"}));  // of the running shares
}

TEST_CASE("routing: a run under given routes writes what it reads; other numbers are refused",
          "[train][routing]") {
  const TempFolder folder;
  CpuContext cpu(1);
  RunFile run = routing_run("reinforce", {"warmup.steps=1", "policy.steps=3"});
  const auto data = open_dataset(run);
  const std::string given = folder.file("given.json");
  {
    Trainer trainer(run, *data, &cpu);
    trainer.start(folder.file("first"));
    trainer.run();
    std::filesystem::copy_file(folder.file("first/policy/drawn.json"), given);
  }
  RunFile under = routing_run("reinforce", {"retrain.policy=" + given});
  Trainer trainer(under, *data, &cpu);
  trainer.start(folder.file("second"));
  const auto tasks = trainer.model().task_names(), blocks = block_names(trainer.model().trunk());
  const auto read = [&](const std::string& path) {
    return read_policy(path, tasks, blocks, 2, 1).select;
  };
  CHECK(read(folder.file("second/policy/drawn.json")) == read(given));
  BinaryPolicy skips{std::vector<std::vector<int>>(2, std::vector<int>(8, 1))};
  skips.select[1][3] = 0;
  const std::string text = policy_json(
      skips, tasks, blocks, std::vector<std::vector<double>>(2, std::vector<double>(8, 1.0)), 1);
  CHECK_THAT(message_of<DataError>([&] { parse_policy(text, "p.json", tasks, blocks, 2, 1); }),
             contains_text("a gate is 1 or 2, not 0"));
}

TEST_CASE("routing learns five tasks on scenes", "[.][slow][sharing][routing]") {
  const std::string estimator = GENERATE("reinforce", "gumbel");
  const int seed = GENERATE(1, 2, 3);
  RunFile run = test::five_tasks(
      R"(
[warmup]
steps = 60
optimizer = { lr = 2e-3, betas = [0.9, 0.999] }
[policy]
steps = 90
optimizer = { lr = 0.01 }
weight_steps = 5
logit_steps = 4
curriculum_speed = 1
logits = { lr = 0.05 }
draws = 2
[retrain]
steps = 800
schedule = { kind = "cosine" }
[share]
functions = 3
)",
      {"sharing=routing", fmt::format("seed={}", seed), "share.estimator=" + estimator});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  test::RetrainLosses losses;
  Trainer trainer(run, *data, &cpu, &losses);
  while (trainer.step()) {
  }
  const std::string line =
      test::check_learned(run, losses, 800, fmt::format("{}, seed {}", estimator, seed));
  std::printf("routing %-9s seed %d%s  same function block %.3f\n", estimator.c_str(), seed,
              line.c_str(), same_gates(trainer.state().chosen, 0).value());
  std::fflush(stdout);
}
