// Runs with BlockDrop: what each phase trains, the same bits killed in any phase or on 7 threads,
// FLOPs as executed, refusals; and that five tasks learn on scenes (hidden, as it takes minutes:
// build/weft_tests "[sharing][blockdrop]").
#include "engine/device_tensor.h"
#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/run_bits.h"
#include "tests/train/loop/learning.h"
#include "tests/train/loop/phase_values.h"
#include "train/export/export_run.h"
#include "train/loop/trainer.h"
#include "train/step/build.h"

using namespace weft;
using test::message_of;
using test::values_of;

namespace {

/// Two steps of weights, three of the policy, three of both; the trunk's last blocks first.
RunFile drop_run(const std::vector<std::string>& more = {}) {
  return test::rooms_run(
      {"sharing=blockdrop", "retrain.steps=8", "share.full_steps=2", "share.policy_steps=3",
       "share.unlock_steps=1", "share.policy_width=4", "eval.every=100", "checkpoint.every=1"},
      more);
}

}  // namespace

TEST_CASE("blockdrop: weights learn, then the policy alone, then both", "[train][blockdrop]") {
  CpuContext cpu(1);
  RunFile run = drop_run();
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  for (int step = 0; step < 8; ++step) {
    INFO("step " << step);
    const auto weights = values_of(trainer, false), policy = values_of(trainer, true);
    trainer.step();
    CHECK((values_of(trainer, false) != weights) == (step < 2 || step >= 5));
    CHECK((values_of(trainer, true) != policy) == (step >= 2));
  }
}

TEST_CASE("blockdrop: a dump or forecast that jumps to a step stands in that step's phase",
          "[train][blockdrop]") {
  CpuContext cpu(1);
  RunFile run = drop_run();
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  for (const int64_t step : {3, 6, 0}) {
    INFO("step " << step);
    trainer.jump(Stage::retrain, step);
    const auto weights = values_of(trainer, false), policy = values_of(trainer, true);
    trainer.step();
    CHECK((values_of(trainer, false) != weights) == (step != 3));
    CHECK((values_of(trainer, true) != policy) == (step != 0));
  }
}

TEST_CASE("blockdrop: killed in any phase and resumed, and on 7 threads, the same bits",
          "[train][resume][determinism][blockdrop]") {
  RunFile run = drop_run({fmt::format("share.decisions={}", GENERATE("shared", "per-task"))});
  CpuContext one(1), seven(7);
  const auto data = open_dataset(run);
  test::check_killed_and_resumed(run, *data, test::device_of(one), test::device_of(seven),
                                 {1, 2, 4, 5, 7});
}

TEST_CASE("blockdrop: no step is chosen before weights and policy learn together",
          "[train][blockdrop]") {
  CpuContext cpu(1);
  RunFile run = drop_run({"eval.every=1"});
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  for (int step = 1; trainer.step(); ++step) CHECK((trainer.state().best_step < 0) == (step <= 5));
  CHECK(trainer.state().best_step > 5);
}

TEST_CASE("blockdrop: the summary has FLOPs as executed, with their spread between images",
          "[train][blockdrop]") {
  CpuContext cpu(1);
  RunFile run = drop_run();
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  while (trainer.step()) {
  }
  // A bias that decides: no block, then every block.
  Parameter& last = *trainer.model().store().find("sharing.policy.fc.bias");
  copy_to(trainer.context(), last.value, Tensor::full(last.value.shape(), -30, DType::f32));
  const double none = trainer.summary(trainer.evaluate_split(EvalSplit::test)).trunk_gflop;
  copy_to(trainer.context(), last.value, Tensor::full(last.value.shape(), 30, DType::f32));
  const RunSummary all = trainer.summary(trainer.evaluate_split(EvalSplit::test));
  CHECK(all.trunk_gflop_spread == Catch::Approx(0).margin(1e-9));
  const ModelCost cost = trainer.model().cost(33, 33, nullptr);
  CHECK(all.trunk_gflop == Catch::Approx(2e-9 * static_cast<double>(cost.body().dense)));
  CHECK(none < 0.5 * all.trunk_gflop);
  CHECK(all.trunk_parameters == cost.trunk_parameters + cost.sharing_parameters);
}

TEST_CASE("blockdrop: where skipping costs nothing, the policy learns to skip",
          "[train][blockdrop]") {
  CpuContext cpu(1);
  RunFile run = drop_run({"retrain.steps=60", "share.full_steps=0", "share.policy_steps=60",
                          "share.unlock_steps=0", "share.slack=1e6", "retrain.optimizer.lr=0.1",
                          "checkpoint.every=100"});
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  const double before = trainer.summary(trainer.evaluate_split(EvalSplit::test)).trunk_gflop;
  while (trainer.step()) {
  }
  CHECK(trainer.summary(trainer.evaluate_split(EvalSplit::test)).trunk_gflop < 0.6 * before);
}

TEST_CASE("blockdrop: what does not apply is refused by name", "[train][blockdrop]") {
  CHECK(message_of<ConfigError>([] {
          drop_run({"balance.method=upgrad"});
        }).find("blockdrop rewards its policy by the tasks' losses as they are") !=
        std::string::npos);
  CHECK(message_of<ConfigError>([] { drop_run({"share.bound=1"}); }).find("'share.bound' is 1") !=
        std::string::npos);
  CHECK(message_of<ConfigError>([] {
          test::rooms_run({"sharing=hard", "share.penalty=2"});
        }).find("blockdrop") != std::string::npos);
  CpuContext cpu(1);
  RunFile run = drop_run();
  const auto model = make_model(&cpu, run);
  LearnedFromData learned;
  learned.height = learned.width = 33;
  CHECK(message_of<ConfigError>([&] {
          export_run(&cpu, *model, run, nullptr, learned, {});
        }).find("under sharing = \"blockdrop\" every input executes blocks of its own") !=
        std::string::npos);
}

TEST_CASE("blockdrop learns five tasks on scenes", "[.][slow][sharing][blockdrop]") {
  const int seed = GENERATE(1, 2, 3);
  RunFile run =
      test::five_tasks(R"(
[retrain]
steps = 800
optimizer = { lr = 2e-3, betas = [0.9, 0.999] }
schedule = { kind = "cosine" }
[share]
full_steps = 300
policy_steps = 100
unlock_steps = 10
slack = 0.1
)",
                       {"sharing=blockdrop", fmt::format("seed={}", seed), "data.test_count=32"});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  test::RetrainLosses losses;
  Trainer trainer(run, *data, &cpu, &losses);
  while (trainer.step()) {
  }
  const std::string line = test::check_learned(run, losses, 800, fmt::format("seed {}", seed));
  const RunSummary summary = trainer.summary(trainer.evaluate_split(EvalSplit::test));
  const ModelCost cost = trainer.model().cost(32, 32, nullptr);
  std::printf("blockdrop    seed %d%s  GFLOP %.5f +- %.5f of %.5f\n", seed, line.c_str(),
              summary.trunk_gflop, summary.trunk_gflop_spread,
              2e-9 * static_cast<double>(cost.body().dense));
  std::fflush(stdout);
}
