// The order of stages, and what the step after a state does: phases of a search in turn, curriculum
// and temperature by policy epochs, a policy once it is decided.
#include "train/loop/stage.h"

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/loop/parts_run.h"

using namespace weft;
using weft::test::message_of;
using weft::test::parts_run;

TEST_CASE("stages: those without steps are left out, retrain decides for itself", "[train]") {
  RunFile run = parts_run();
  CHECK(first_with_steps(run, Stage::warmup) == Stage::warmup);
  CHECK(first_with_steps(parts_run({"warmup.steps=0"}), Stage::warmup) == Stage::search);
  CHECK(first_with_steps(parts_run({"warmup.steps=0", "policy.steps=0"}), Stage::warmup) ==
        Stage::retrain);
  CHECK(first_with_steps(parts_run({"retrain.steps=0"}), Stage::retrain) == Stage::retrain);
  CHECK(stage_after(Stage::warmup, true) == Stage::search);
  CHECK(stage_after(Stage::search, true) == Stage::retrain);
  CHECK(stage_after(Stage::retrain, true) == Stage::done);
  CHECK(stage_after(Stage::retrain, false) == Stage::done);
}

TEST_CASE("stages: a search takes weight and logit steps in turn, by policy epochs", "[train]") {
  CpuContext cpu(1);
  RunFile run =
      parts_run({"policy.temperature=4", "policy.decay=0.5", "policy.curriculum_speed=1"});
  const auto data = open_dataset(run);
  const Parts parts = make_parts(*data);
  const auto model = make_model(&cpu, run);
  const SearchClock clock = search_clock(run, *data, parts, true);
  TrainState state;
  state.stage = Stage::search;
  std::vector<Phase> phases;
  for (state.step = 0; state.step < 6; ++state.step) {
    state.total_step = 4 + state.step;
    phases.push_back(phase_of(state, clock));
    const StepInputs in = inputs_of(state, clock, run, *model, phases.back());
    CHECK(in.step == static_cast<uint32_t>(4 + state.step));
    CHECK(in.temperature == (state.step < 3 ? 4 : 2));
    CHECK(in.active == (state.step < 3 ? 1 : 2));
    CHECK(in.chosen == nullptr);
  }
  const Phase w = Phase::weights, p = Phase::policy;
  CHECK(phases == std::vector<Phase>{w, w, p, w, w, p});

  state.stage = Stage::retrain;
  state.chosen.select = {{1, 0}, {1, 1}};
  CHECK(phase_of(state, clock) == Phase::retrain);
  CHECK(inputs_of(state, clock, run, *model, Phase::retrain).chosen == &state.chosen);
  state.stage = Stage::done;
  CHECK(phase_of(state, clock) == Phase::infer);
}

TEST_CASE("stages: a clock without step counts goes once over each part", "[train]") {
  RunFile run = parts_run({"policy.weight_steps=0", "policy.logit_steps=0"});
  const auto data = open_dataset(run);
  Parts parts = make_parts(*data);
  parts.weights = {0, 1, 2, 3, 4, 5};
  parts.policy = {6, 7};
  const SearchClock clock = search_clock(run, *data, parts, true);
  CHECK(clock.weight_steps == 3);
  CHECK(clock.logit_steps == 1);
}

TEST_CASE("stages: each has the loaders and optimizers that its phases ask for", "[train]") {
  CpuContext cpu(1);
  RunFile run = parts_run();
  const auto data = open_dataset(run);
  Parts parts = make_parts(*data);
  const auto model = make_model(&cpu, run);
  const SearchClock clock = search_clock(run, *data, parts, true);
  TrainState state;
  const auto tools = [&](Stage stage) {
    state.stage = stage;
    return StageTools(&cpu, run, *data, parts, *model, state, clock);
  };
  CHECK_FALSE(StageTools().open());
  CHECK_FALSE(tools(Stage::done).open());
  CHECK(tools(Stage::warmup).optimizers().size() == 1);
  StageTools search = tools(Stage::search);
  REQUIRE(search.optimizers().size() == 2);
  CHECK(&search.optimizer(Phase::weights) == search.optimizers()[0]);
  CHECK(&search.optimizer(Phase::policy) == search.optimizers()[1]);
  CHECK(&search.loader(Phase::policy) != &search.loader(Phase::weights));
  CHECK(search.optimizer(Phase::policy).parameters().size() == 2);  // logits of two tasks

  parts.policy.clear();
  CHECK(message_of<DataError>([&] { tools(Stage::search); }).find("too small to divide") !=
        std::string::npos);
}
