// retrain.gates, the ablations of what re-training executes: a random policy of the same sparsity,
// p(select) as soft gates, stochastic depth; and everything selected, which is hard sharing.
#include <algorithm>

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/run_bits.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"
#include "tests/train/loop/parts_run.h"
#include "train/step/choose_policy.h"
#include "train/step/step.h"
#include "train/study/study.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::parts_run;
using weft::test::same;
using weft::test::TempFolder;

namespace {

RunFile gates_run(const std::string& gates, std::vector<std::string> more = {}) {
  for (const char* setting : {"policy.curriculum_speed=1", "policy.logits.lr=0.3", "policy.steps=9",
                              "policy.draws=2", "eval.every=4", "checkpoint.every=1"})
    more.emplace_back(setting);
  more.push_back("retrain.gates=" + gates);
  return parts_run(more);
}

void go_to(Trainer& trainer, Stage stage) {
  while (trainer.state().stage != stage) REQUIRE(trainer.step());
}

/// What a step of the phase has for gates; as task, block: p(select).
std::vector<std::vector<double>> gates_in(Trainer& trainer, Phase phase, uint32_t step) {
  Tape tape(trainer.context());
  Pass pass{tape, phase != Phase::infer, Noise{1, step}};
  StepInputs in;
  in.phase = phase;
  in.chosen = &trainer.state().chosen;
  const auto sample = sample_policy(pass, trainer.model(), trainer.run_file(), in);
  std::vector<std::vector<double>> out;
  for (size_t k = 0; k < sample->gates.size(); ++k) {
    auto& row = out.emplace_back();
    for (size_t l = 0; l < sample->gates[k].size(); ++l) {
      const Gate::Kind kind = sample->gates[k][l].kind;
      row.push_back(kind == Gate::Kind::soft
                        ? to_host(trainer.context(), sample->p[k].value()).to_vector()[2 * l]
                    : kind == Gate::Kind::select ? 1
                                                 : 0);
    }
  }
  return out;
}

bool close(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
  bool equal = a.size() == b.size();
  for (size_t k = 0; equal && k < a.size(); ++k)
    equal = std::equal(a[k].begin(), a[k].end(), b[k].begin(), b[k].end(),
                       [](double x, double y) { return std::abs(x - y) < 1e-6; });
  return equal;
}

}  // namespace

TEST_CASE(
    "every ablation of AdaShare: killed in any stage and resumed, and on 7 threads, it ends "
    "with the bits of an unbroken run",
    "[train][resume][determinism][ablation]") {
  const std::vector<std::vector<std::string>> ablations = {
      {"chosen", "policy.curriculum_from=first"}, {"random"}, {"soft"}, {"stochastic-depth"}};
  for (const auto& ablation : ablations) {
    INFO("retrain.gates=" << ablation[0]);
    RunFile run = gates_run(ablation[0], {ablation.begin() + 1, ablation.end()});
    CpuContext one(1), seven(7);
    const auto data = open_dataset(run);
    const int64_t steps = planned_steps(run);
    test::check_killed_and_resumed(run, *data, test::device_of(one), test::device_of(seven),
                                   {1, steps / 2, steps - 1});
    if (test::sanitized) break;
  }
}

TEST_CASE("random gates: after the same search each task executes as many blocks, others",
          "[train][policy][ablation]") {
  CpuContext cpu(1);
  RunFile run = gates_run("chosen", {"seed=3"});
  const auto data = open_dataset(run);
  Trainer chosen(run, *data, &cpu);
  Trainer random(gates_run("random", {"seed=3"}), *data, &cpu);
  go_to(chosen, Stage::retrain);
  go_to(random, Stage::retrain);
  CHECK(random.model().policy()->probabilities() == chosen.model().policy()->probabilities());
  const auto &a = chosen.state().chosen.select, &b = random.state().chosen.select;
  CHECK(a != b);
  for (size_t k = 0; k < a.size(); ++k)
    CHECK(std::count(a[k].begin(), a[k].end(), 1) == std::count(b[k].begin(), b[k].end(), 1));
  CHECK_FALSE(degenerate(random.state().chosen, random.model().task_names(),
                         block_names(random.model().trunk())));
  CHECK_THAT(random.state().chosen_how, contains_text("as many blocks at random"));
}

TEST_CASE("soft gates: re-training and what follows weigh every block by p(select) as learned",
          "[train][policy][ablation]") {
  CpuContext cpu(1);
  RunFile run = gates_run("soft");
  const auto data = open_dataset(run);
  Trainer soft(run, *data, &cpu), chosen(gates_run("chosen"), *data, &cpu);
  go_to(soft, Stage::retrain);
  go_to(chosen, Stage::retrain);
  const auto learned = soft.model().policy()->probabilities();
  CHECK(learned == chosen.model().policy()->probabilities());  // the search is the same
  CHECK(learned != std::vector(2, std::vector<double>(8, 0.5)));
  CHECK(soft.state().chosen.weights == learned);
  for (const Phase phase : {Phase::retrain, Phase::infer})
    CHECK(close(gates_in(soft, phase, 3), learned));
  // Every block costs, for every task by itself.
  const int blocks = soft.model().policy()->blocks();
  CHECK(soft.model().shared_plan(nullptr, true).runs() == blocks);
  const Gates gates = gates_of(soft.state().chosen);
  CHECK(soft.model().shared_plan(&gates, true).runs() == 2 * blocks - 1);  // one input to the first
}

TEST_CASE(
    "stochastic depth: no search; each step its own blocks, all of them weighed in evaluation",
    "[train][policy][ablation]") {
  CpuContext cpu(1);
  RunFile run = gates_run("stochastic-depth");
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  REQUIRE(trainer.state().stage == Stage::retrain);
  CHECK(planned_steps(run) == run.retrain.steps);  // as a study counts them
  const std::vector<double> weights{0.9375, 0.875, 0.8125, 0.75, 0.6875, 0.625, 0.5625, 0.5};
  CHECK(gates_in(trainer, Phase::infer, 1) == std::vector(2, weights));
  CHECK(trainer.summary({}).probability == std::vector(2, weights));  // no logit was learned
  int differ = 0;
  for (uint32_t step = 1; step < 9; ++step) {
    const auto gates = gates_in(trainer, Phase::retrain, step);
    for (const auto& task : gates)
      for (const double p : task) CHECK((p == 0 || p == 1));
    differ += gates != gates_in(trainer, Phase::retrain, 0);
  }
  CHECK(differ > 4);
}

TEST_CASE("everything selected is hard sharing, bit for bit", "[train][policy][ablation]") {
  TempFolder folder;
  CpuContext cpu(1);
  RunFile hard = parts_run({"sharing=hard"});
  const auto data = open_dataset(hard);
  const auto blocks = block_names(make_model(&cpu, hard)->trunk());
  const std::string file = folder.file("all.json");
  write_file(file, policy_json(BinaryPolicy{{std::vector<int>(8, 1), std::vector<int>(8, 1)}},
                               {"seg", "depth"}, blocks,
                               {std::vector<double>(8, 1), std::vector<double>(8, 1)}, 1));
  Trainer everything(parts_run({"retrain.policy=" + file}), *data, &cpu);
  Trainer shared(hard, *data, &cpu);
  while (shared.step()) REQUIRE((everything.step() || everything.state().stage == Stage::done));
  size_t compared = 0;
  for (const Parameter& p : shared.model().store().parameters()) {
    for (const Parameter& q : everything.model().store().parameters())
      if (p.name == q.name) {
        CHECK(same_bits(p.value, q.value));
        ++compared;
      }
  }
  CHECK(compared == shared.model().store().parameters().size());
}
