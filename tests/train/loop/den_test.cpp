// DEN's runs: killed anywhere and resumed, and on 7 threads, they end with the same bits, baselines
// included; re-training leaves alone what no task executes; both estimators move the logits; and what
// is of gates without levels is refused by its key.
#include <algorithm>
#include <filesystem>

#include "models/channel_levels.h"
#include "models/channel_policy.h"
#include "tests/support/catch.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "tests/train/loop/parts_run.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/choose_policy.h"
#include "train/study/study.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

RunFile den_run(const std::string& estimator, const std::vector<std::string>& more = {}) {
  return test::choices_run("den", estimator, more);
}

}  // namespace

TEST_CASE("DEN: killed anywhere and resumed, and on 7 threads, it ends with the same bits",
          "[train][resume][determinism][den]") {
  const std::string estimator = GENERATE("reinforce", "gumbel");
  INFO(estimator);
  RunFile run = den_run(estimator);
  CpuContext one(1), seven(7);
  const auto data = open_dataset(run);
  // In warm-up; after a weights step of the search, after each of two for the logits; in re-training.
  const std::vector<int64_t> stops{2, 5, 7, 10, 15};
  REQUIRE(planned_steps(run) == 17);
  test::check_killed_and_resumed(run, *data, test::device_of(one), test::device_of(seven), stops);
}

TEST_CASE("DEN: the search moves logits, and by REINFORCE baselines that are in checkpoints",
          "[train][den]") {
  const std::string estimator = GENERATE("reinforce", "gumbel");
  RunFile run = den_run(estimator);
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  TempFolder folder;
  Trainer trainer(run, *data, &cpu);
  trainer.start(folder.path() + "/run");
  while (trainer.state().stage != Stage::retrain) {
    REQUIRE(trainer.step());
    const Parameter* kept = trainer.model().store().find("policy.reinforce.baseline");
    REQUIRE((kept != nullptr) == (estimator == "reinforce"));
    if (kept == nullptr || trainer.state().stage != Stage::search) continue;
    const bool learned = trainer.clock().policy_cursor(trainer.state().step) > 0;
    CHECK(kept->value.to_vector()[1] == (learned ? 1 : 0));
    const auto again = make_model(&cpu, run);
    load_model(folder.path() + "/run/checkpoints/last.safetensors", *again);
    CHECK(again->store().find("policy.reinforce.baseline")->value.to_vector() ==
          kept->value.to_vector());
  }
  for (const auto& row : trainer.model().policy()->probabilities())
    CHECK(
        std::any_of(row.begin(), row.end(), [](double c) { return std::abs(c - 0.4375) > 1e-3; }));
}

TEST_CASE("DEN: what no task executes stays bit for bit, moments too", "[train][den]") {
  RunFile run = den_run("reinforce", {"retrain.steps=4", "retrain.optimizer.weight_decay=0.1"});
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  trainer.jump(Stage::retrain, 0);
  BinaryPolicy policy{{std::vector<int>(8, 3), std::vector<int>(8, 3)}};
  policy.select[0][2] = 1, policy.select[1][2] = 2;  // layer2.0: 50 % at most
  policy.select[0][3] = 0, policy.select[1][3] = 1;  // layer2.1: 25 %
  policy.select[0][5] = policy.select[1][5] = 0;     // layer3.1: nothing
  trainer.set_policy(policy);
  const auto unused = [](const std::string& name) {
    const auto of = [&](const char* block) { return name.rfind(block, 0) == 0; };
    const auto group = [&](const char* g) { return name.find(g) != std::string::npos; };
    return (of("layer2.0") && group(".g2")) || (of("layer2.1") && (group(".g1") || group(".g2"))) ||
           of("layer3.1");
  };
  std::vector<Tensor> before;
  for (const Parameter& p : trainer.model().store().parameters())
    before.push_back(Tensor::from(p.value.shape(), p.value.to_vector(), p.value.dtype()));
  for (int i = 0; i < 3; ++i) REQUIRE(trainer.step());
  size_t at = 0, stayed = 0;
  for (const Parameter& p : trainer.model().store().parameters()) {
    INFO(p.name);
    const bool same = before[at++].to_vector() == p.value.to_vector();
    if (trainer.model().store().part_of(p) == Part::policy) continue;
    CHECK(same == unused(p.name));
    CHECK((trainer.optimizers()[0]->state_of(p) == nullptr) == unused(p.name));
    stayed += same;
  }
  CHECK(stayed > 10);
}

TEST_CASE("DEN: what is of gates that select or skip is refused by its key", "[run_file][den]") {
  const auto refused = [](const std::string& setting) {
    return message_of<ConfigError>([&] { den_run("reinforce", {setting}); });
  };
  CHECK_THAT(refused("retrain.gates=soft"),
             contains_text("'retrain.gates' is \"soft\", which is of gates that select or skip; "
                           "those of sharing = \"den\" have levels"));
  CHECK_THAT(refused("retrain.gates=stochastic-depth"), contains_text("'retrain.gates'"));
  CHECK_THAT(refused("semantics=compat"), contains_text("'semantics' is \"compat\""));
  CHECK_THAT(refused("policy.sparsity_form=log-select"), contains_text("'policy.sparsity_form'"));
  CHECK_THAT(refused("share.baseline=1"), contains_text("share.baseline"));
  CHECK_THAT(refused("policy.hard=true"), contains_text("'policy.hard' is true"));
  CHECK_THAT(message_of<ConfigError>([] { den_run("gumbel", {"share.baseline=0.5"}); }),
             contains_text("'share.baseline' is 0.5, and share.estimator = \"gumbel\" has none"));
  CHECK_NOTHROW(den_run("reinforce", {"retrain.gates=random"}));
}

TEST_CASE("DEN: a run under a given policy writes one that it reads again", "[train][den]") {
  const TempFolder folder;
  CpuContext cpu(1);
  RunFile run = den_run("reinforce");
  const auto data = open_dataset(run);
  const std::string given = folder.file("given.json");
  {
    Trainer trainer(run, *data, &cpu);
    trainer.start(folder.file("first"));
    trainer.run();
    std::filesystem::copy_file(folder.file("first/policy/drawn.json"), given);
  }
  RunFile under = den_run("reinforce", {"retrain.policy=" + given});
  Trainer trainer(under, *data, &cpu);
  trainer.start(folder.file("second"));
  const Model& model = trainer.model();
  const auto read = [&](const std::string& path) {
    return read_policy(path, model.task_names(), block_names(model.trunk()), all_channels).select;
  };
  CHECK(read(folder.file("second/policy/drawn.json")) == read(given));
}
