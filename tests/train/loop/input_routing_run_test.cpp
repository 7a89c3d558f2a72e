// Runs with routing by the input: what each phase trains, the same bits killed in any phase or on 7
// threads, what the summary counts and how it says collapse, the collaboration bonus, refusals; and
// that five tasks learn on scenes (hidden, as it takes minutes: build/weft_tests "input routing learns*").
#include <cstdio>

#include "engine/device_tensor.h"
#include "models/collapse.h"
#include "models/sharing/input_routing.h"
#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "tests/train/loop/learning.h"
#include "tests/train/loop/phase_values.h"
#include "train/export/export_run.h"
#include "train/loop/summarise.h"
#include "train/loop/trainer.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/build.h"
#include "train/study/run_table.h"

using namespace weft;
using test::message_of;
using test::TempFolder;
using test::values_of;

namespace {

/// Two steps of weights, three of the router, three of both.
RunFile routed_run(const std::vector<std::string>& more = {}) {
  return test::rooms_run(
      {"sharing=input_routing", "retrain.steps=8", "share.full_steps=2", "share.policy_steps=3",
       "share.policy_width=4", "share.functions=2", "eval.every=100", "checkpoint.every=1"},
      more);
}

std::vector<double> shares_of(Trainer& trainer) {
  return to_host(trainer.context(), trainer.model().store().find("policy.routing.shares")->value)
      .to_vector();
}

}  // namespace

TEST_CASE("input routing: weights learn, then the router alone, then both",
          "[train][routing][input_routing]") {
  CpuContext cpu(1);
  const std::string estimator = GENERATE("reinforce", "gumbel");
  RunFile run = routed_run({"share.estimator=" + estimator});
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  for (int step = 0; step < 8; ++step) {
    INFO(estimator << ", step " << step);
    const auto weights = values_of(trainer, false), policy = values_of(trainer, true);
    const auto shares = shares_of(trainer);
    trainer.step();
    CHECK((values_of(trainer, false) != weights) == (step < 2 || step >= 5));
    CHECK((values_of(trainer, true) != policy) == (step >= 2));
    CHECK((shares_of(trainer) != shares) == (step >= 2));
  }
}

TEST_CASE("input routing: killed in any phase and resumed, and on 7 threads, the same bits",
          "[train][resume][determinism][routing][input_routing]") {
  RunFile run = routed_run({fmt::format("share.decisions={}", GENERATE("shared", "per-task")),
                            fmt::format("share.estimator={}", GENERATE("reinforce", "gumbel"))});
  CpuContext one(1), seven(7);
  const auto data = open_dataset(run);
  test::check_killed_and_resumed(run, *data, test::device_of(one), test::device_of(seven),
                                 {1, 2, 4, 5, 7});
}

TEST_CASE("input routing: no step is chosen before weights and router learn together",
          "[train][routing][input_routing]") {
  CpuContext cpu(1);
  RunFile run = routed_run({"eval.every=1"});
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  for (int step = 1; trainer.step(); ++step) CHECK((trainer.state().best_step < 0) == (step <= 5));
  CHECK(trainer.state().best_step > 5);
}

TEST_CASE("input routing: the summary has what the test executed, and says collapse",
          "[train][routing][input_routing]") {
  CpuContext cpu(1);
  RunFile run = routed_run();
  const auto data = open_dataset(run);
  const TempFolder folder;
  Trainer trainer(run, *data, test::device_of(cpu));
  trainer.start(folder.file("run"));
  trainer.run();
  const RunSummary told = read_summary(folder.file("run"));
  REQUIRE(told.together);
  CHECK(policy_text(told, false) == collapse_text(*told.together, "images") + "\n");
  // A bias that decides: everybody takes the second function block.
  Parameter& last = *trainer.model().store().find("sharing.policy.fc.bias");
  std::vector<double> bias;
  for (int64_t i = 0; i < last.value.numel(); ++i) bias.push_back(i % 2 == 0 ? -30 : 30);
  copy_to(trainer.context(), last.value, Tensor::from(last.value.shape(), bias, DType::f32));
  const RunSummary same = trainer.summary(trainer.evaluate_split(EvalSplit::test));
  const ModelCost cost = trainer.model().cost(33, 33, nullptr);
  CHECK(same.together == 1);
  CHECK(policy_text(same, false) == "collapsed: all images take one path\n");
  CHECK(same.trunk_gflop == Catch::Approx(2e-9 * static_cast<double>(cost.body().dense)));
  CHECK(same.trunk_gflop_spread == Catch::Approx(0).margin(1e-9));
  CHECK(same.trunk_parameters == cost.one_trunk_parameters + cost.sharing_parameters);
  CHECK(same.policy.empty());
}

TEST_CASE("input routing: without test images nothing is said of their routes",
          "[train][routing][input_routing]") {
  CpuContext cpu(1);
  const std::string estimator = GENERATE("reinforce", "gumbel");
  RunFile run = routed_run({"share.estimator=" + estimator});
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  for (int step = 0; step < 7; ++step) {  // the last evaluates
    trainer.step();
    CHECK(per_input(trainer.model())->executed().images == 0);
  }
  CHECK_FALSE(routes_text(run, trainer.model()));
  const TempFolder folder;
  for (const bool evaluated : {false, true}) {  // on validation data
    if (evaluated) trainer.evaluate_split(EvalSplit::val);
    write_summary(folder.path(), trainer.summary({}));
    const RunSummary told = read_summary(folder.path());
    CHECK_FALSE(told.together);
    CHECK_FALSE(told.image_routes());
    CHECK(policy_text(told, false).empty());
  }
}

TEST_CASE("input routing: the collaboration bonus draws images together",
          "[train][routing][input_routing]") {
  CpuContext cpu(1);
  std::vector<double> together;
  for (const char* bonus : {"0", "500"}) {
    RunFile run = routed_run({std::string("share.collaboration=") + bonus, "share.entropy=0",
                              "share.estimator=gumbel", "retrain.steps=60", "share.full_steps=0",
                              "share.policy_steps=60", "retrain.optimizer.lr=0.01",
                              "share.baseline=0.5", "checkpoint.every=1000"});
    const auto data = open_dataset(run);
    Trainer trainer(run, *data, test::device_of(cpu));
    while (trainer.step()) {
    }
    // h of a place is (1/2, 1/2) where images are as likely to take either, (1, 0) where all agree.
    double met = 0;
    for (const double h : shares_of(trainer)) met += h * h / 8;
    together.push_back(met);
  }
  INFO(together[0] << ", " << together[1]);
  CHECK(together[1] > together[0] + 0.2);
}

TEST_CASE("input routing: what does not apply is refused by name",
          "[train][run_file][routing][input_routing]") {
  const auto refused = [](const std::vector<std::string>& settings) {
    return message_of<ConfigError>([&] { routed_run(settings); });
  };
  CHECK_THAT(refused({"balance.method=upgrad"}),
             contains_text("input_routing rewards its policy by the tasks' losses as they are"));
  CHECK_NOTHROW(routed_run({"balance.method=upgrad", "share.estimator=gumbel"}));
  CHECK_THAT(refused({"share.functions=1"}), contains_text("'share.functions' is 1"));
  CHECK_THAT(refused({"share.collaboration=-1"}), contains_text("'share.collaboration' is -1"));
  CHECK_THAT(
      refused({"share.temperature=1"}),
      contains_text("'share.temperature' is 1, and share.estimator = \"reinforce\" has none; "
                    "it belongs to \"gumbel\""));
  CHECK_NOTHROW(routed_run({"share.temperature=1", "share.estimator=gumbel"}));
  CHECK_THAT(refused({"share.unlock_steps=1"}), contains_text("it belongs to blockdrop"));
  CHECK_THAT(message_of<ConfigError>([] {
               test::rooms_run({"sharing=routing", "share.collaboration=1"});
             }),
             contains_text("it belongs to input_routing"));
  CpuContext cpu(1);
  RunFile run = routed_run();
  const auto model = make_model(&cpu, run);
  LearnedFromData learned;
  learned.height = learned.width = 33;
  CHECK_THAT(
      message_of<ConfigError>([&] { export_run(&cpu, *model, run, nullptr, learned, {}); }),
      contains_text("under sharing = \"input_routing\" every input executes blocks of its own"));
}

TEST_CASE("input routing learns five tasks on scenes",
          "[.][slow][sharing][routing][input_routing]") {
  const std::string estimator = GENERATE("reinforce", "gumbel");
  const int seed = GENERATE(1, 2, 3);
  RunFile run = test::five_tasks(R"(
[retrain]
steps = 800
optimizer = { lr = 2e-3, betas = [0.9, 0.999] }
schedule = { kind = "cosine" }
[share]
functions = 3
full_steps = 200
policy_steps = 0
)",
                                 {"sharing=input_routing", fmt::format("seed={}", seed),
                                  "data.test_count=32", "share.estimator=" + estimator});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  test::RetrainLosses losses;
  Trainer trainer(run, *data, &cpu, &losses);
  while (trainer.step()) {
  }
  const std::string line =
      test::check_learned(run, losses, 800, fmt::format("{}, seed {}", estimator, seed));
  const RunSummary summary = trainer.summary(trainer.evaluate_split(EvalSplit::test));
  std::printf("input_routing %-9s seed %d%s  same function block %.3f, GFLOP %.5f +- %.5f\n",
              estimator.c_str(), seed, line.c_str(), summary.together.value_or(-1),
              summary.trunk_gflop, summary.trunk_gflop_spread);
  std::fflush(stdout);
}
