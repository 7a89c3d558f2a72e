// weft lr: losses of a linear function's network fall at rising rates and burst; the same twice.
#include "train/loop/rate_finder.h"

#include "engine/cpu/context.h"
#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_folder/run_folder.h"
#include "train/step/open_data.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

RunFile line_run(const TempFolder& folder, const std::string& sharing) {
  std::string csv = "x,y,z\n";
  for (int i = 0; i < 60; ++i) csv += fmt::format("{},{},{}\n", i, 3 * i + 1, -i);
  write_file(folder.file("line.csv"), csv);
  return parse_run_text(fmt::format(R"(
name = "line"
sharing = "{}"
[model]
trunk = "mlp"
hidden = 8
blocks = 2
[data]
kind = "tabular"
root = "{}"
index = "line.csv"
ratio = [0.2, 0.2]
batch = 8
workers = 0
[[task]]
name = "y"
kind = "regression"
standardize = true
[[task]]
name = "z"
kind = "regression"
standardize = true
[warmup]
steps = 4
[policy]
steps = 4
weight_steps = 1
logit_steps = 1
[retrain]
steps = 4
)",
                                    sharing, folder.path()),
                        "line.toml");
}

}  // namespace

TEST_CASE("lr: the loss falls at rising rates, and where it bursts the test ends", "[lr]") {
  const TempFolder folder;
  CpuContext cpu(1);
  for (const char* sharing : {"hard", "adashare"}) {
    RunFile run = line_run(folder, sharing);
    const auto data = open_dataset(run);
    const RateRange range = find_rate(&cpu, run, *data, 1e-5, 1e6, 120);
    CHECK(range.phase == (run.sharing == Sharing::hard ? Phase::retrain : Phase::warmup));
    REQUIRE(range.points.size() > 20);
    CHECK(range.burst);
    CHECK(range.points.size() < 120);
    CHECK(range.points[0].rate == Catch::Approx(1e-5));
    for (size_t i = 1; i < range.points.size(); ++i)
      CHECK(range.points[i].rate / range.points[i - 1].rate ==
            Catch::Approx(std::pow(1e11, 1.0 / 119)));
    double least = range.points[0].loss, rate = range.points[0].rate;
    for (const RatePoint& p : range.points)
      if (p.loss < least) least = p.loss, rate = p.rate;
    CHECK(range.least == rate);
    CHECK(range.suggested == rate / 10);
    CHECK(least < 0.7 * range.points[0].loss);
    const RateRange again = find_rate(&cpu, run, *data, 1e-5, 1e6, 120);
    REQUIRE(again.points.size() == range.points.size());
    for (size_t i = 0; i < range.points.size(); ++i)
      CHECK(again.points[i].loss == range.points[i].loss);
  }
}

TEST_CASE("lr: the first stage is the one that a run begins with", "[lr]") {
  const TempFolder folder;
  CpuContext cpu(1);
  RunFile run = line_run(folder, "adashare");
  run.policy.optimizer.lr = 0.5;  // another base: the rates are what was asked for all the same
  const auto data = open_dataset(run);
  const auto found = [&](const RunFile& asked) {
    const RateRange range = find_rate(&cpu, asked, *data, 1e-5, 1, 20);
    CHECK(range.points.size() >= 2);
    CHECK(range.points[0].rate == Catch::Approx(1e-5));
    return std::pair(range.phase, range.table);
  };
  CHECK(found(run) == std::pair(Phase::warmup, std::string("warmup")));
  RunFile searching = run;
  searching.warmup.steps = 0;
  CHECK(found(searching) == std::pair(Phase::weights, std::string("policy")));
  RunFile neither = searching;
  neither.policy.steps = 0;
  CHECK(found(neither).first == Phase::retrain);
  RunFile given = run;
  given.retrain.policy = folder.file("policy.json");
  write_file(given.retrain.policy, policy_json({{{1, 0}, {0, 1}}}, {"y", "z"},
                                               {"blocks.0", "blocks.1"}, {{1, 0}, {0, 1}}, 1));
  given.retrain.init = RetrainInit::random;
  CHECK(found(given) == std::pair(Phase::retrain, std::string("retrain")));
  given.retrain.policy = folder.file("gone.json");
  CHECK_THAT(message_of<DataError>([&] { find_rate(&cpu, given, *data, 1e-5, 1, 20); }),
             contains_text("gone.json"));
  RunFile depth = run;
  depth.retrain.gates = RetrainGates::stochastic_depth;
  CHECK(found(depth).first == Phase::retrain);
  RunFile none = line_run(folder, "hard");
  none.retrain.steps = 0;
  CHECK_THAT(message_of<ConfigError>([&] { find_rate(&cpu, none, *data, 1e-5, 1, 20); }),
             contains_text("steps"));
}

TEST_CASE("lr: one point is no curve", "[lr]") {
  const TempFolder folder;
  CpuContext cpu(1);
  RunFile run = line_run(folder, "hard");
  const auto data = open_dataset(run);
  CHECK_THAT(message_of<ConfigError>([&] { find_rate(&cpu, run, *data, 1e35, 1e36, 20); }),
             contains_text("burst at once") && contains_text("--low 1e+35"));
}

TEST_CASE("lr: what it refuses", "[lr]") {
  const TempFolder folder;
  CpuContext cpu(1);
  RunFile run = line_run(folder, "hard");
  const auto data = open_dataset(run);
  const auto refusal = [&](double low, double high, int64_t steps) {
    return message_of<ConfigError>([&] { find_rate(&cpu, run, *data, low, high, steps); });
  };
  CHECK_THAT(refusal(1, 0.1, 50), contains_text("--low 1 and --high 0.1"));
  CHECK_THAT(refusal(0, 1, 50), contains_text("rates rise"));
  CHECK_THAT(refusal(0.1, 1, 5), contains_text("--steps 5"));
}
